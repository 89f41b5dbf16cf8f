package explore

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// policy is what the page may do: run its own scripts and its own WebAssembly, read its own files, and nothing else. It
// stands in index.html too, for folders that some other server hands out.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; " +
	"img-src 'self'; base-uri 'none'; form-action 'none'"

// types are the media types of the page's files by extension, whatever the machine has registered.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml",
}

// Listen opens a loopback address, HOST:PORT with port 0 for any. The host must be localhost or a loopback address in
// numbers: the page is for this machine alone.
func Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("--addr %q is no address; want HOST:PORT, as 127.0.0.1:0", addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("--addr %q would open the explorer to other machines; want a loopback address, as 127.0.0.1:0 or [::1]:0", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return nil, fmt.Errorf("--addr %q has no port; want a number in [0,65535], 0 for any that is free", addr)
	}
	return net.Listen("tcp", net.JoinHostPort(host, port))
}

// Serve hands out the page until the context ends. It closes the listener.
func Serve(ctx context.Context, l net.Listener, page Page) error {
	handler, err := page.Handler(l.Addr().String())
	if err != nil {
		l.Close()
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// file is a file as it is sent.
type file struct {
	kind           string
	plain, gzipped []byte
}

// guard hands out files to pages of its own origin.
type guard struct {
	files map[string]file
	hosts []string // that requests may name
}

// Handler serves the page at an address, HOST:PORT. Requests that name another host (as those of a name that was
// rebound to this machine) or come from a page of another origin are refused with 403, methods other than GET and HEAD
// with 405. There is nothing to write to.
func (p Page) Handler(addr string) (http.Handler, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	g := &guard{files: map[string]file{}, hosts: []string{addr, "localhost:" + port}}
	for name, content := range p {
		f := file{kind: types[path.Ext(name)], plain: content}
		if f.kind == "" {
			f.kind = mime.TypeByExtension(path.Ext(name))
		}
		if f.gzipped, err = compress(content); err != nil {
			return nil, err
		}
		g.files["/"+name] = f
	}
	g.files["/"] = g.files["/"+indexName]
	return g, nil
}

// compress returns the content gzipped.
func compress(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store") // another start, another build, perhaps at the same port
	switch {
	case !slices.Contains(g.hosts, strings.ToLower(r.Host)):
		http.Error(w, "this host is not served here", http.StatusForbidden)
		return
	case !g.ours(r.Header.Values("Origin")):
		http.Error(w, "pages of other origins are not served", http.StatusForbidden)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "there is nothing to write to here", http.StatusMethodNotAllowed)
		return
	}
	f, ok := g.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	f.send(w, r)
}

// ours says whether the origins that a request names, if any, are this server's.
func (g *guard) ours(origins []string) bool {
	for _, origin := range origins {
		host, plain := strings.CutPrefix(strings.ToLower(origin), "http://")
		if !plain || !slices.Contains(g.hosts, host) {
			return false
		}
	}
	return true
}

// send writes the file, gzipped where the client takes that.
func (f file) send(w http.ResponseWriter, r *http.Request) {
	content := f.plain
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Vary", "Accept-Encoding")
	if takesGzip(r.Header.Get("Accept-Encoding")) && len(f.gzipped) < len(f.plain) {
		content = f.gzipped
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method != http.MethodHead {
		w.Write(content) // a client that went away is nobody's mistake
	}
}

// takesGzip reads an Accept-Encoding header.
func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, quality, _ := strings.Cut(part, ";")
		refused := strings.TrimSpace(quality)
		if strings.TrimSpace(coding) == "gzip" && refused != "q=0" && refused != "q=0.0" {
			return true
		}
	}
	return false
}
