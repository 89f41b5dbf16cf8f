// Package report writes the content of results folders as one HTML page that can be sent: what was run, the verdicts on
// claims, figures, tables, the scorecard, what failed, how to reproduce it and with which versions. The page needs no
// network, no server and no other file. It is drawn from tables alone, and the same folders give the same bytes.
//
// Names, captions and statements come from configs that others wrote. They are text everywhere: html/template
// escapes them, figures escape theirs, characters that change the direction of writing are spelled out, and the page's
// own policy lets no script run but the one that is shipped here.
package report

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"windtunnel/experiments/results"
	"windtunnel/plots"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	styleText string
	//go:embed page.js
	scriptText string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"short": short}).Parse(pageText))
)

// Page is a finished report.
type Page struct {
	HTML    []byte
	Undrawn []error // figures that could not be drawn; the page says so too
}

// Write makes the page of some folders, in their order. It stops when the context is canceled. The error names the table
// that cannot be read.
func Write(ctx context.Context, folders []*results.Reported) (*Page, error) {
	v := &view{Script: template.JS(scriptText), Policy: policy(scriptText)}
	page := &Page{}
	for i := range folders {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s, err := v.section(i, folders[i])
		if err != nil {
			return nil, err
		}
		page.Undrawn = append(page.Undrawn, s.undrawn...)
		v.Sections = append(v.Sections, s)
	}
	v.Title = title(folders)
	v.Style = template.CSS(styleText + figureColors(v.drawings))
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, v); err != nil {
		return nil, err
	}
	page.HTML = []byte(plainDirection(out.String()))
	return page, nil
}

// mostNamed is how many folders the title names.
const mostNamed = 3

// title names the folders.
func title(folders []*results.Reported) string {
	var names []string
	for _, f := range folders {
		names = append(names, f.Name)
	}
	if more := len(names) - mostNamed; more > 0 {
		names = append(names[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return cmp.Or(strings.Join(names, ", "), "no results")
}

// policy is the page's content security policy: nothing is loaded, sent or framed, and the only script is the given one.
func policy(script string) string {
	hash := sha256.Sum256([]byte(script))
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
		base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

// figureColors gives the figures the colors of a light page, and those of a dark one where the page is dark on a screen.
func figureColors(drawings []*plots.Drawing) string {
	dark := plots.InlineStyle("dark", drawings...)
	return ":root{" + plots.InlineStyle("paper", drawings...) + "}@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){" + dark + "}}" +
		"@media screen{:root[data-theme=dark]{" + dark + "}}\n"
}
