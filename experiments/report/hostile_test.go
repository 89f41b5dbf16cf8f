package report_test

// hostile are names that would do harm if they were taken for anything but text.
var hostile = []string{
	`</script><script>alert(1)</script>`,
	`"><img src=x onerror=alert(2)>`,
	`' onmouseover='alert(3)`,
	`</title></style></svg><svg onload=alert(4)>`,
	`{{.Policy}} ${alert(5)} <!-- ]]> &lt;b&gt;`,
	"left\u202eright\u2066\u200f",
}
