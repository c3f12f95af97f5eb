// Package httpheader puts a secret of a store into a header of outgoing requests, and follows its
// rotation: every request has the value of that moment.
//
// net/http takes headers as strings, so the value is on Go's heap (see package cloudtaser).
package httpheader

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	cloudtaser "cloudtaser.io/sdk-go"
)

// Transport is an http.RoundTripper that adds one header.
type Transport struct {
	// Store and Ref name the secret.
	Store *cloudtaser.Store
	Ref   string
	// Origin is where the header goes, such as https://api.example, and nowhere else: a redirect
	// to another host does not get it. It must be given.
	Origin string
	// Header and Prefix are what stands before the value; Authorization and "Bearer " when Header
	// is empty.
	Header, Prefix string
	// Base makes the requests; http.DefaultTransport when nil.
	Base http.RoundTripper
}

// RoundTrip sends a copy of the request with the header. A request that goes elsewhere is sent as
// it is. Fails closed: without the secret nothing is sent.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	origin, err := url.Parse(t.Origin)
	if err == nil && (origin.Scheme == "" || origin.Host == "") {
		err = errors.New("httpheader: Origin is no scheme and host")
	}
	if err != nil {
		return nil, closed(request, err)
	}
	if request.URL.Scheme != origin.Scheme || !strings.EqualFold(host(request.URL), host(origin)) {
		return base.RoundTrip(request)
	}
	value, err := t.Store.GetSecret(t.Ref)
	if err != nil {
		return nil, closed(request, fmt.Errorf("httpheader: %w", err))
	}
	header, prefix := t.Header, t.Prefix
	if header == "" {
		header, prefix = "Authorization", "Bearer "
	}
	// Files end with a newline, and net/http would quote the whole value in its error.
	value = strings.TrimRight(value, "\r\n")
	if strings.ContainsFunc(value, isControl) {
		return nil, closed(request, errors.New("httpheader: the value has control characters"))
	}
	copied := request.Clone(request.Context())
	copied.Header.Set(header, prefix+value)
	return base.RoundTrip(copied)
}

// closed keeps http.RoundTripper's promise that the body is closed, also by an error.
func closed(request *http.Request, err error) error {
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return err
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// host is with the port, also where the scheme's own is left out.
func host(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
}
