package explore

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"
)

// testPage is a page whose compute is not compiled.
func testPage(t *testing.T, results ...*Results) Page {
	t.Helper()
	page, err := NewPage(&Compute{Wasm: []byte("\x00asm" + strings.Repeat("x", 1000)), Glue: []byte("// glue")}, results)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// ask sends a request to the handler of the page at 127.0.0.1:80.
func ask(t *testing.T, method, target string, header http.Header) *http.Response {
	t.Helper()
	handler, err := testPage(t).Handler("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/", nil)
	r.Host = "127.0.0.1:80"
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	for key, values := range header {
		r.Header[key] = values
	}
	r.URL.Path = target
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

func TestRequests(t *testing.T) {
	for _, test := range []struct {
		name, method, path string
		header             map[string]string
		want               int
	}{
		{"the page", "GET", "/", nil, 200},
		{"head", "HEAD", "/app.js", nil, 200},
		{"another name of this machine", "GET", "/", map[string]string{"Host": "localhost:80"}, 200},
		{"its own origin", "GET", "/explore.wasm", map[string]string{"Origin": "http://127.0.0.1:80"}, 200},
		{"a name that was rebound", "GET", "/", map[string]string{"Host": "evil.example:80"}, 403},
		{"a name without port", "GET", "/", map[string]string{"Host": "127.0.0.1"}, 403},
		{"another port", "GET", "/", map[string]string{"Host": "127.0.0.1:81"}, 403},
		{"another origin", "GET", "/results.json", map[string]string{"Origin": "http://evil.example"}, 403},
		{"another origin's port", "GET", "/results.json", map[string]string{"Origin": "http://127.0.0.1:81"}, 403},
		{"an opaque origin", "GET", "/results.json", map[string]string{"Origin": "null"}, 403},
		{"the origin over https", "GET", "/", map[string]string{"Origin": "https://127.0.0.1:80"}, 403},
		{"post", "POST", "/", nil, 405},
		{"put", "PUT", "/app.js", nil, 405},
		{"delete", "DELETE", "/results.json", nil, 405},
		{"options", "OPTIONS", "/", nil, 405},
		{"no such file", "GET", "/config.yaml", nil, 404},
		{"up", "GET", "/../explore.go", nil, 404},
		{"up and down", "GET", "/page/../app.js", nil, 404},
		{"a folder", "GET", "/page/", nil, 404},
		{"twice the slash", "GET", "//app.js", nil, 404},
		{"backslashes", "GET", "/..\\explore.go", nil, 404},
		{"no path", "GET", "", nil, 404},
	} {
		header := http.Header{}
		for key, value := range test.header {
			header.Set(key, value)
		}
		got := ask(t, test.method, test.path, header)
		if got.StatusCode != test.want {
			t.Errorf("%s: %s, want %d", test.name, got.Status, test.want)
		}
		if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-inline") {
			t.Errorf("%s: Content-Security-Policy %q", test.name, csp)
		}
		if got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins may read", test.name)
		}
	}
}

func TestContent(t *testing.T) {
	page := testPage(t)
	for name := range page {
		plain := ask(t, "GET", "/"+name, nil)
		body, err := io.ReadAll(plain.Body)
		if err != nil || string(body) != string(page[name]) {
			t.Errorf("%s: other content, %v", name, err)
		}
		if want := types[path.Ext(name)]; want == "" || plain.Header.Get("Content-Type") != want {
			t.Errorf("%s: type %q, want %q", name, plain.Header.Get("Content-Type"), want)
		}
	}
}

func TestListen(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "localhost:0", "127.0.0.2:0"} {
		l, err := Listen(addr)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		l.Close()
	}
	for addr, want := range map[string]string{
		"0.0.0.0:0": "loopback", ":8080": "loopback", "192.168.0.1:80": "loopback", "example.org:80": "loopback", "[::]:0": "loopback",
		"127.0.0.1": "HOST:PORT", "127.0.0.1:http": "port", "127.0.0.1:70000": "port", "": "HOST:PORT",
	} {
		l, err := Listen(addr)
		if err == nil {
			l.Close()
			t.Errorf("%s is listened at", addr)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a word about %s", addr, err, want)
		}
	}
}

// A server answers until its context ends.
func TestServe(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, testPage(t)) }()
	got, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(got.Body)
	got.Body.Close()
	if !strings.Contains(string(body), "<title>") {
		t.Errorf("the page is %.80q", body)
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("the end of serving is %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("serving does not end")
	}
}

var (
	quoted   = regexp.MustCompile(`(?:src|href|from|new Worker\(|fetch\(|importScripts\()\s*=?\s*"([^"#]+)"`)
	anywhere = regexp.MustCompile(`https?://[^\s"')]+`)
)

// The page asks for nothing that is not in it, has no script and style of its own in the HTML, and the policy in the HTML
// is the server's.
func TestPageIsWhole(t *testing.T) {
	page := testPage(t)
	used := map[string]bool{indexName: true}
	for name, content := range page {
		if name == computeName || name == glueName {
			continue
		}
		for _, match := range quoted.FindAllStringSubmatch(string(content), -1) {
			file := strings.TrimPrefix(match[1], "./")
			used[file] = true
			if _, ok := page[file]; !ok {
				t.Errorf("%s: asks for %s", name, file)
			}
		}
		for _, url := range anywhere.FindAllString(string(content), -1) {
			if url != "http://www.w3.org/2000/svg" {
				t.Errorf("%s: names %s", name, url)
			}
		}
		if strings.Contains(string(content), "innerHTML") {
			t.Errorf("%s: sets HTML", name)
		}
	}
	for name := range page {
		if !used[name] {
			t.Errorf("nothing asks for %s", name)
		}
	}
	index := string(page[indexName])
	if !strings.Contains(index, `content="`+policy+`"`) {
		t.Errorf("%s has another Content-Security-Policy than %q", indexName, policy)
	}
	if regexp.MustCompile(`<style|<script>|\sstyle=|\son[a-z]+=`).MatchString(index) {
		t.Errorf("%s has scripts or styles of its own", indexName)
	}
}

// Without a toolchain or outside a checkout the error says what is missing.
func TestCompileErrors(t *testing.T) {
	if _, err := Compile(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "in a checkout") {
		t.Errorf("outside a checkout: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Compile(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no Go toolchain") {
		t.Errorf("without Go: %v", err)
	}
}

// The model compiles for a browser, and the glue is of the same Go.
func TestCompile(t *testing.T) {
	c, err := Compile(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(c.Wasm), "\x00asm") || !strings.Contains(string(c.Glue), "globalThis.Go = class") {
		t.Errorf("compute begins %.4q, glue %.40q", c.Wasm, c.Glue)
	}
	var packed bytes.Buffer // as web servers send it
	w := gzip.NewWriter(&packed)
	w.Write(c.Wasm)
	w.Close()
	if most := 4 << 20; packed.Len() > most {
		t.Errorf("the compute is %d bytes on the wire, more than %d", packed.Len(), most)
	}
}
