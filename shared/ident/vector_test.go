package ident

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write missing vectors; existing ones are never changed")

// vector is one enrolment as it went over the wire. Kiosks and hubs of any two
// versions must agree on it for ever.
type vector struct {
	Kit     Kit           `json:"kit"`
	Seed    []byte        `json:"device_seed"` // Ed25519
	Request EnrolRequest  `json:"request"`
	Answer  EnrolAnswer   `json:"answer"`
	Claims  []vectorClaim `json:"claims"`
}

// vectorClaim is a value that other programs compute too.
type vectorClaim struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const vectorFile = "testdata/enrol-v1.json"

func TestVectorOfVersion1(t *testing.T) {
	if *update {
		writeVector(t)
	}
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vector
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(v.Seed)
	q, err := v.Kit.Request(key, v.Request.Program, v.Request.Nonce)
	if err != nil || !reflect.DeepEqual(q, v.Request) {
		t.Errorf("Request = %+v, %v", q, err)
	}
	if _, err := v.Request.Check(TicketKey(v.Kit.Secret)); err != nil {
		t.Errorf("Check = %v", err)
	}
	if a := v.Request.Answer(TicketKey(v.Kit.Secret), v.Answer.Identity); !bytes.Equal(a.MAC, v.Answer.MAC) {
		t.Errorf("Answer.MAC = %x, want %x", a.MAC, v.Answer.MAC)
	}
	id, err := v.Kit.Accept(v.Request, v.Answer)
	if err != nil {
		t.Errorf("Accept = %v", err)
	}
	if got := claims(v, id); !reflect.DeepEqual(got, v.Claims) {
		t.Errorf("claims %+v, want %+v", got, v.Claims)
	}
}

func claims(v vector, id Identity) []vectorClaim {
	return []vectorClaim{
		{"device id", DeviceID(ed25519.NewKeyFromSeed(v.Seed).Public())},
		{"device id in the certificate", id.Device},
		{"pin of the authority", pinOf(parseAll(id.CA)[0])},
	}
}

func writeVector(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(vectorFile); err == nil {
		return
	}
	a := mustAuthority(t, noon)
	v := vector{Kit: kitFor(a), Seed: []byte(strings.Repeat("nghe", 8))}
	key := ed25519.NewKeyFromSeed(v.Seed)
	v.Request = mustRequest(t, v.Kit, key, 7)
	v.Answer = v.Request.Answer(TicketKey(v.Kit.Secret), identityFor(t, a, v.Kit, key.Public(), noon))
	v.Claims = claims(v, v.Answer.Identity)
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
