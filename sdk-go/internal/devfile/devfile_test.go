package devfile

import (
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	text := "# a comment\n\nsecret/db#password = hunter2\nvault:secret/data/x#y=\"a\\nb\"\n" +
		"PGPASSWORD='it\"s # all'\n/run/secrets/key= k=v\nEMPTY="
	specs, err := Lines([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range specs {
		got = append(got, s.Reference+"|"+s.Path+"|"+s.Variable+"|"+string(s.Value))
	}
	want := "secret/data/db#password|||hunter2;secret/data/x#y|||a\nb;||PGPASSWORD|it\"s # all;" +
		"|/run/secrets/key||k=v;||EMPTY|"
	if strings.Join(got, ";") != want {
		t.Errorf("%q", got)
	}
}

func TestErrorsSayTheLineAndNothingOfIt(t *testing.T) {
	for _, text := range []string{"A=1\ns3cret", "A=1\n=s3cret", "A=1\nB=\"s3cret", "A=1\nB='s3cret"} {
		_, err := Lines([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "line 2") ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"s3cret", `{"a": "s3cret"}`, `{"a": {"b": s3cret}}`} {
		_, err := Export([]byte(text))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestExport(t *testing.T) {
	specs, err := Export([]byte(`{"secret/db": {"port": 5432.0, "user": "al\"ice", "none": null,
		"all": {"a": [1, true]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range specs {
		got = append(got, s.Reference+"="+string(s.Value))
	}
	want := `secret/data/db#all={"a":[1,true]};secret/data/db#none=;secret/data/db#port=5432.0;` +
		`secret/data/db#user=al"ice`
	if strings.Join(got, ";") != want {
		t.Errorf("%s", strings.Join(got, ";"))
	}
}
