package kernel

// SiLUMul writes silu(gate)*up to dst, element by element, where silu(x) = x/(1+exp(-x)): the gate of SwiGLU (Shazeer
// 2020). All have the same length; dst may be gate or up itself.
func SiLUMul[T Float](dst, gate, up []T) {
	checkLength("gate", len(dst), len(gate))
	checkLength("up", len(dst), len(up))
	if dst, single := singles(dst); single && siluMulFast(dst, as32(gate), as32(up)) {
		return
	}
	for i, g := range gate {
		dst[i] = g / (1 + exp(-g)) * up[i]
	}
}

// SiLUMulGrad writes the gradients of SiLUMul for gate and up to dGate and dUp, given d, the gradient for its result.
// With s = 1/(1+exp(-gate)) they are d up s (1 + gate (1-s)) and d gate s. All have the same length; dGate and dUp may be
// any of the others, but not one another.
func SiLUMulGrad[T Float](dGate, dUp, d, gate, up []T) {
	checkLength("dUp", len(dGate), len(dUp))
	checkLength("d", len(dGate), len(d))
	checkLength("gate", len(dGate), len(gate))
	checkLength("up", len(dGate), len(up))
	if d, single := singles(d); single && siluMulGradFast(as32(dGate), as32(dUp), d, as32(gate), as32(up)) {
		return
	}
	for i, g := range gate {
		e := exp(-g)
		s := 1 / (1 + e)
		di, ui := d[i], up[i]
		dGate[i] = di * ui * s * (1 + g*(1-s))
		dUp[i] = di * g * s
	}
}
