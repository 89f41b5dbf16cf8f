// Package llama is a Llama-architecture decoder (Touvron et al. 2023) with its gradients written out by hand: RMSNorm
// before each block, rotary positions on adjacent pairs, grouped-query attention, SwiGLU, and a classifier that may be
// the embedding. It reads and writes the checkpoints of llama2.c (version 0).
//
// A [Model] is weights in one flat slice. A [Network] is a model, with or without a low-rank [Adapter], ready to run. A
// [Tape] runs one prompt and the responses to it, forward and backward: the prompt is computed once for all of them,
// nothing is padded, and the classifier sees only positions that predict a response token. A [Generator] continues a
// prompt token by token from cached keys and values.
//
// Everything is generic over float32, for use, and float64, to check it by. Nothing here starts a goroutine: a Network may
// be read by many Tapes and Generators at once, each of which belongs to one goroutine.
package llama
