package explore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// policy is the page's content security policy: it runs its own scripts and its own WebAssembly, reads its own files, and
// nothing else. It is in index.html too, for folders that some other server hands out.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; " +
	"img-src 'self'; base-uri 'none'; form-action 'none'"

// types are the media types of the page's files by extension, whatever the machine has registered.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".json": "application/json", ".wasm": "application/wasm", ".svg": "image/svg+xml",
}

// Listen opens a loopback address, HOST:PORT with port 0 for any. The host must be localhost or a numeric loopback
// address: the page is for this machine alone.
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

// Handler serves the page at an address, HOST:PORT. Requests that name another host (as those of a name that was
// rebound to this machine) or come from a page of another origin are refused with 403, methods other than GET and HEAD
// with 405. There is nothing to write to.
func (p Page) Handler(addr string) (http.Handler, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	hosts := []string{addr, "localhost:" + port} // that requests may name
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, hosts) }), nil
}

func (p Page) serve(w http.ResponseWriter, r *http.Request, hosts []string) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store") // another start, another build, perhaps at the same port
	foreign := func(origin string) bool {
		host, plain := strings.CutPrefix(strings.ToLower(origin), "http://")
		return !plain || !slices.Contains(hosts, host)
	}
	switch {
	case !slices.Contains(hosts, strings.ToLower(r.Host)):
		http.Error(w, "this host is not served here", http.StatusForbidden)
		return
	case slices.ContainsFunc(r.Header.Values("Origin"), foreign):
		http.Error(w, "pages of other origins are not served", http.StatusForbidden)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "there is nothing to write to here", http.StatusMethodNotAllowed)
		return
	}
	name, rooted := strings.CutPrefix(r.URL.Path, "/")
	name = cmp.Or(name, indexName)
	content, ok := p[name]
	if !rooted || !ok {
		http.NotFound(w, r)
		return
	}
	header.Set("Content-Type", types[path.Ext(name)])
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
