package lines

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// rowsOf returns the columns x and y of every row as "LINE x y", or what is wrong with it.
func rowsOf(text string, keys []string) []string {
	r, err := NewReader(strings.NewReader(text), "f")
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for o, err := range r.Rows(keys) {
		x, y := "-", "-"
		if err == nil {
			_, errX := o.Read("x", &x, "text")
			_, errY := o.Read("y", &y, "text")
			err = errors.Join(errX, errY)
		}
		if err != nil {
			x = err.Error()
		}
		all = append(all, fmt.Sprint(r.Line, " ", x, " ", y))
	}
	return all
}

// The same rows come out of JSON lines and of every CSV of them.
func TestRows(t *testing.T) {
	const want = "2 é, b -|3 - -|5 q\"r s"
	for name, text := range map[string]string{
		"CSV": "x,y,z\n\"é, b\",,1\n,,\n\n\"q\"\"r\",s,2\n", "CRLF": "x,y,z\r\n\"é, b\",,1\r\n,,\r\n\r\n\"q\"\"r\",s,2\r\n", "semicolons": "x;y;z\n\"é, b\";;1\n;;\n\nq\"r;s;2\n",
		"spaces": "x , y , z\n \"é, b\",,1\n , ,\n\n\"q\"\"r\", s , 2\n", "gzip": gzipped("x,y,z\n\"é, b\",,1\n,,\n\n\"q\"\"r\",s,2\n"), "mark": byteOrderMark + "x,y\n\"é, b\",\n,\n\n\"q\"\"r\",s",
		"JSON": "\n{\"x\": \"é, b\", \"z\": 1}\n{\"z\": []}\n\n{\"x\": \"q\\\"r\", \"y\": \"s\"}\n",
	} {
		if name == "semicolons" {
			text = strings.Replace(text, "q\"r", "\"q\"\"r\"", 1)
		}
		if got := strings.Join(rowsOf(text, nil), "|"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := rowsOf("1\t2\n3\t4", []string{"x", "y"}); strings.Join(got, "|") != "1 1 2|2 3 4" {
		t.Errorf("named: %q", got)
	}
	for text, want := range map[string]string{
		"x,y\n1\n2,3": "2 f:2: has 1 cells; want 2: x, y -|3 2 3", "x,y\n\xff,1\n2,3": "2 f:2: is not valid UTF-8 -|3 2 3",
		"x,y\n1,\"2\n3": "f: is no CSV of up to 1073741824 bytes", "{\"x\": \"a\"}\n{\n{\"x\": \"b\"}": "1 a -|2 f:2: is no JSON object: unexpected EOF -|3 b -",
		"x,x\n1,2": "x: is given twice", "": "", "x,y": "",
	} {
		if got := strings.Join(rowsOf(text, nil), "|"); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Whatever a file holds, its rows come in order of their lines, and every one is an object or an error.
func FuzzRows(f *testing.F) {
	for _, text := range []string{"x,y\n1,2\n", "x;y\r\n\"a\nb\";2", "{\"x\": 1}\n{", gzipped("x\n1"), byteOrderMark + "\n\nx,x\n,", "\"", "a\tb\n\"\"\t"} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, named bool) {
		r, err := NewReader(bytes.NewReader(data), "f")
		if err != nil {
			return
		}
		var keys []string
		if named {
			keys = []string{"x", "y"}
		}
		last := 0
		for o, err := range r.Rows(keys) {
			if (o == nil) != (err != nil) || err == nil && r.Line <= last {
				t.Errorf("%q: line %d after %d, %v, %v", data, r.Line, last, o, err)
			}
			last = r.Line
		}
	})
}
