package httpheader_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	cloudtaser "cloudtaser.io/sdk-go"
	"cloudtaser.io/sdk-go/cloudtasertest"
	"cloudtaser.io/sdk-go/httpheader"
)

const ref = "secret/api#token"

func echo(t testing.TB) *httptest.Server {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	}))
	t.Cleanup(server.Close)
	return server
}

func get(client *http.Client, url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestEveryRequestHasTheValueOfItsMoment(t *testing.T) {
	server := echo(t)
	fake := cloudtasertest.New(t, map[string]string{ref: "first\n"})
	client := server.Client()
	transport := &httpheader.Transport{
		Store: fake.Store, Ref: ref, Origin: server.URL, Base: client.Transport,
	}
	client.Transport = transport
	for _, value := range []string{"first", "second"} {
		if text, err := get(client, server.URL); text != "Bearer "+value || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		fake.Rotate(ref, "second")
	}
	transport.Header, transport.Prefix = "X-Key", ""
	if text, err := get(client, server.URL); text != "second" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	request, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	if response, err := client.Do(request); err != nil || request.Header.Get("X-Key") != "" {
		t.Errorf("the caller's request was changed: %v", err)
	} else {
		response.Body.Close()
	}
}

func TestARedirectElsewhereGetsNothing(t *testing.T) {
	other := echo(t)
	server := httptest.NewTLSServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(server.Close)
	fake := cloudtasertest.New(t, map[string]string{ref: "token"})
	client := server.Client()
	base := client.Transport
	client.Transport = &httpheader.Transport{
		Store: fake.Store, Ref: ref, Origin: server.URL, Base: base,
	}
	if text, err := get(client, server.URL); text != "" || err != nil {
		t.Errorf("the other host got %q, %v", text, err)
	}
	client.Transport = &httpheader.Transport{
		Store: fake.Store, Ref: ref, Origin: other.URL, Base: base,
	}
	if text, err := get(client, server.URL); text != "Bearer token" || err != nil {
		t.Errorf("the control got %q, %v", text, err)
	}
}

func TestNothingIsSentWithoutTheSecret(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
	}))
	t.Cleanup(server.Close)
	fake := cloudtasertest.New(t, map[string]string{ref: "a\nX-Injected: hunter2"})
	for name, transport := range map[string]*httpheader.Transport{
		"no such secret": {Store: fake.Store, Ref: "secret/none", Origin: server.URL},
		"control":        {Store: fake.Store, Ref: ref, Origin: server.URL},
		"Origin":         {Store: fake.Store, Ref: ref},
	} {
		_, err := get(&http.Client{Transport: transport}, server.URL)
		if err == nil || !strings.Contains(err.Error(), name) ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
		isMissing := errors.Is(err, cloudtaser.ErrNotFound)
		if isMissing != (name == "no such secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests were sent", asked.Load())
	}
}

func ExampleTransport() {
	server := echo(&testing.T{})
	fake := cloudtasertest.New(&testing.T{}, map[string]string{ref: "token"})
	client := &http.Client{Transport: &httpheader.Transport{
		Store: fake.Store, Ref: ref, Origin: server.URL,
		Base: server.Client().Transport,
	}}
	fmt.Println(get(client, server.URL))
	// Output: Bearer token <nil>
}
