package houserules

// row is what one package is for and may import besides the standard library.
type row struct {
	does    string   // or why it may exist at all
	project []string // packages of this repository; "kiosk/..." is every one below
	modules []string // third-party modules
	tests   bool     // a package for tests: only tests and other such packages import it
	pure    bool     // no clock, goroutine, channel or select
}

// Modules, so that a misspelt one does not compile.
const (
	cbor       = "github.com/fxamacker/cbor/v2"
	chromedp   = "github.com/chromedp/chromedp"
	cdproto    = "github.com/chromedp/cdproto"
	excelize   = "github.com/xuri/excelize/v2"
	age        = "filippo.io/age"
	esbuild    = "github.com/evanw/esbuild"
	gocron     = "github.com/go-co-op/gocron/v2"
	goose      = "github.com/pressly/goose/v3"
	kong       = "github.com/alecthomas/kong"
	minio      = "github.com/minio/minio-go/v7"
	oidc       = "github.com/coreos/go-oidc/v3"
	otp        = "github.com/pquerna/otp"
	pgx        = "github.com/jackc/pgx/v5"
	prometheus = "github.com/prometheus/client_golang"
	qr         = "rsc.io/qr"
	scs        = "github.com/alexedwards/scs/v2"
	sqlite3    = "github.com/mattn/go-sqlite3"
	toxiproxy  = "github.com/Shopify/toxiproxy/v2"
	versitygw  = "github.com/versity/versitygw"
	webauthn   = "github.com/go-webauthn/webauthn"
	websocket  = "github.com/gorilla/websocket"
	xcrypto    = "golang.org/x/crypto"
	ximage     = "golang.org/x/image"
	xmod       = "golang.org/x/mod"
	xsys       = "golang.org/x/sys"
	xtext      = "golang.org/x/text"
	xterm      = "golang.org/x/term"
	xtime      = "golang.org/x/time"
	zstd       = "github.com/klauspost/compress"
)

// testModules may be imported by tests and packages for tests, and by no program.
var testModules = []string{chromedp, cdproto, toxiproxy}

var table = map[string]row{
	"kiosk": {does: "flags to agent.Run", project: []string{"kiosk/agent"}},
	"kiosk/agent": {does: "wires one kiosk and keeps its tasks alive",
		project: []string{"kiosk/...", "shared/..."}, modules: []string{kong}},
	"kiosk/screen": {does: "loopback HTTP and the touch pages; a tap must not know whether there is a network; draws receipts, and words what is printed",
		project: []string{"kiosk/conduct", "kiosk/outbox", "kiosk/media", "kiosk/bulletin", "kiosk/vitals", "kiosk/printer", "kiosk/speech", "shared/clip", "shared/feedback", "shared/seal", "shared/blob", "shared/look", "shared/picture", "shared/strict"}, modules: []string{qr}},
	"kiosk/outbox": {does: "the journal in SQLite; makes its folder so that it survives a power cut",
		project: []string{"shared/sqlite", "shared/feedback", "shared/wire", "shared/durable"}},
	"kiosk/conduct": {does: "judges how a rating was tapped, by named rules; a pure piece of its own, so that tables can test it",
		project: []string{"shared/feedback"}, pure: true},
	"kiosk/media": {does: "sealed blobs on disk; names their kinds in the words of the vocabulary",
		project: []string{"shared/blob", "shared/durable", "shared/seal", "shared/feedback"}},
	"kiosk/uplink": {does: "drives courier.Sender over a WebSocket, blobs within their share of the line",
		project: []string{"kiosk/outbox", "kiosk/media", "kiosk/bulletin", "kiosk/vitals", "shared/courier", "shared/wire", "shared/ident", "shared/blob"},
		modules: []string{websocket, xtime}},
	"kiosk/bulletin": {does: "what the hub told this kiosk, in the vocabulary; opens a case box for whoever has its receipt",
		project: []string{"shared/sqlite", "shared/wire", "shared/ident", "shared/durable", "shared/feedback", "shared/seal"}},
	"kiosk/speech": {does: "reads aloud: recordings of the ward, built-in clips, the machine's voice",
		project: []string{"kiosk/speech/voice", "shared/clip", "shared/feedback"}},
	"kiosk/speech/voice": {does: "speaks with the system's espeak-ng, at build and at run time", project: []string{"shared/clip", "shared/feedback"}},
	"kiosk/speech/clips": {does: "makes the clips at build time, of the screen's texts and the vocabulary",
		project: []string{"kiosk/speech/voice", "shared/clip", "shared/feedback"}},
	"kiosk/vitals": {does: "named conditions of the machine", project: []string{"shared/wire"}},
	"kiosk/pulse": {does: "whether the page still paints; tells the machine's vitals, and has the browser brought back",
		project: []string{"kiosk/vitals"}},
	"kiosk/printer": {does: "small sheets out of a receipt printer; draws their letters itself, so that no maker's code page matters",
		modules: []string{ximage}},

	"hub": {does: "flags to server.Run", project: []string{"hub/server"}},
	"hub/server": {does: "wires the hub: listeners, TLS, metrics, graceful stop",
		project: []string{"hub/...", "shared/..."}, modules: []string{kong, prometheus, xterm}},
	"hub/intake": {does: "one session per kiosk: store, then acknowledge",
		project: []string{"hub/ledger", "hub/registry", "hub/archive", "hub/bulletin", "hub/vitals", "shared/courier", "shared/wire", "shared/ident", "shared/blob"},
		modules: []string{websocket, xtime}},
	"hub/ledger": {does: "journals of all kiosks, and what is projected from them",
		project: []string{"hub/database", "shared/feedback", "shared/wire", "shared/blob"}, modules: []string{xmod}},
	"hub/database": {does: "the one door to SQLite or PostgreSQL for the hub",
		project: []string{"shared/sqlite"}, modules: []string{pgx, goose}},
	"hub/database/pgtest": {does: "a private PostgreSQL for tests", modules: []string{pgx}, tests: true},
	"hub/registry": {does: "wards, places, devices, certificates; is seeded with the vocabulary's units",
		project: []string{"hub/database", "shared/ident", "shared/feedback", "shared/strict"}},
	"hub/archive": {does: "blobs and segments by hash: S3 or folder, and the spool before them; asks the system to drop a page, so that reading back reads the disk",
		project: []string{"shared/blob", "shared/durable"}, modules: []string{minio, xsys}},
	"hub/archive/archivetest": {does: "what every archive must do, and archives in memory that fail, for tests",
		project: []string{"hub/archive", "shared/blob"}, tests: true},
	"hub/archive/s3server": {does: "a real S3 server for tests and for trying out; a module of its own, so that its weight stays out of ours",
		modules: []string{versitygw}},
	"hub/archive/s3test": {does: "builds and runs that server for tests; takes a lock while it builds",
		project: []string{"shared/durable"}, tests: true},
	"hub/bulletin": {does: "composes, signs and versions what kiosks are told; validates it in the vocabulary",
		project: []string{"hub/database", "shared/clip", "shared/wire", "shared/ident", "shared/seal", "shared/feedback"}},
	"hub/vitals": {does: "what each kiosk last said of itself", project: []string{"hub/database", "shared/wire"}},
	"hub/cases": {does: "what people do about feedback; closes each state into a box only its receipt opens",
		project: []string{"hub/database", "hub/ledger", "shared/feedback", "shared/wire", "shared/seal", "shared/durable"}},
	"hub/rights": {does: "the queue of what residents ask about their data; settles by deleting, and answers in the case's note",
		project: []string{"hub/database", "hub/ledger", "hub/cases", "hub/deletion", "shared/feedback", "shared/wire"}},
	"hub/deletion": {does: "takes away what residents said, by order, by law and by age, and keeps the proof",
		project: []string{"hub/database", "hub/ledger", "hub/archive", "shared/blob", "shared/feedback", "shared/wire"}},
	"hub/letters": {does: "opens what residents sealed to the hub, one part at a time, for whoever may read it",
		project: []string{"hub/ledger", "hub/archive", "shared/blob", "shared/feedback", "shared/seal", "shared/wire"}},
	"hub/letters/letterstest": {does: "a resident at a kiosk, for tests of what the hub does with messages",
		project: []string{"hub/ledger", "hub/archive", "shared/blob", "shared/feedback", "shared/seal", "shared/wire"}, tests: true},
	"hub/photo": {does: "makes residents' photos safe to show: pixels and nothing else, within limits", project: []string{"shared/picture"}, modules: []string{ximage}},
	"hub/reports": {does: "numbers with their completeness",
		project: []string{"hub/ledger", "hub/vitals", "shared/feedback"}, modules: []string{excelize}},
	"hub/accounts": {does: "operators: sign-in, roles, audit log",
		project: []string{"hub/database"}, modules: []string{webauthn, otp, oidc, scs, xcrypto, xtime}},
	"hub/alerts": {does: "conditions that need a person", project: []string{"hub/database"}},
	"hub/backup": {does: "segments as objects, copies of decisions, restore; closes copies to the recovery key, checks devices' certificates",
		project: []string{"hub/ledger", "hub/archive", "hub/database", "shared/blob", "shared/durable", "shared/ident", "shared/seal", "shared/wire"}},
	"hub/chores": {does: "timed work; server brings each chore, so that it knows none",
		project: []string{"hub/database"}, modules: []string{gocron}},
	"hub/console": {does: "operators' pages and public pages; shows the rest of the hub, never reaches a kiosk; names questions and conditions in their own words",
		project: []string{"hub/ledger", "hub/registry", "hub/archive", "hub/bulletin", "hub/vitals", "hub/cases", "hub/reports", "hub/accounts", "hub/alerts", "hub/backup", "hub/chores", "hub/deletion", "hub/letters", "hub/photo", "hub/rights",
			"shared/blob", "shared/feedback", "shared/seal", "shared/wire", "shared/look"},
		modules: []string{scs, xtime, qr}},

	"shared/feedback": {does: "the vocabulary", pure: true},
	"shared/clip":     {does: "names what is read aloud, for kiosk and hub alike", project: []string{"shared/feedback"}, pure: true},
	"shared/wire": {does: "every byte that leaves a kiosk",
		project: []string{"shared/feedback"}, modules: []string{cbor, zstd}, pure: true},
	"shared/courier": {does: "delivery as two state machines, of records and of blobs", project: []string{"shared/wire", "shared/feedback", "shared/blob"}, pure: true},
	"shared/ident":   {does: "keys, certificates, kits; keeps them in files that survive a power cut", project: []string{"shared/durable", "shared/strict"}, pure: true},
	"shared/seal":    {does: "encryption to named readers; receipt codes", modules: []string{age, xcrypto}, pure: true},
	"shared/blob":    {does: "a file's name is its hash", pure: true},
	"shared/picture": {does: "which photos may be sent and can be shown: one rule for kiosk and hub, so that none is thanked for that nobody can see", pure: true},
	"shared/sqlite": {does: "the one door to go-sqlite3; fsyncs the folder of a new file",
		project: []string{"shared/durable"}, modules: []string{sqlite3, goose}},
	"shared/sqlite/powercut": {does: "what a power cut may leave of a SQLite file, for tests",
		project: []string{"shared/sqlite"}, modules: []string{sqlite3}, tests: true},
	"shared/durable":    {does: "files that survive power loss"},
	"shared/crew":       {does: "named tasks: restart, stop in order"},
	"shared/strict":     {does: "JSON from strangers, read one way only"},
	"shared/command":    {does: "one command line for three programs", modules: []string{kong}},
	"shared/vietnamese": {does: "folding, collation, names, phones, working days", modules: []string{xtext}},
	"shared/invariants": {does: "the one checker of what must never be lost or doubled, for tests", tests: true, pure: true},
	"shared/look":       {does: "tokens, faces and fonts both screens share"},
	"shared/look/bundle": {does: "bundles both screens' pages at build time",
		project: []string{"shared/look", "shared/look/npm"}, modules: []string{esbuild}},
	"shared/look/npm": {does: "fetches fonts by pinned integrity at build time"},
	"shared/look/browser": {does: "a real Chromium for tests of both screens",
		project: []string{"shared/look/npm"}, tests: true},
	"shared/houserules": {does: "this", tests: true},

	"provisioning": {does: "kit, doctor, image", project: []string{"provisioning/kit", "provisioning/image", "shared/command"}, modules: []string{kong}},
	"provisioning/kit": {does: "makes and reads an enrolment kit; asks at the terminal, on Windows too",
		project: []string{"provisioning/letter", "shared/ident", "shared/durable", "shared/command"}, modules: []string{kong, xsys}},
	"provisioning/letter": {does: "opens what was sealed to an officer",
		project: []string{"shared/seal", "shared/durable", "shared/feedback", "shared/command"}},
	"provisioning/image": {does: "bootable kiosk image and packages", project: []string{"provisioning/kit"}},
	"provisioning/demo":  {does: "`make run`: a hub and an enrolled kiosk on loopback", project: []string{"provisioning/kit", "shared/durable"}},
	"provisioning/rehearsal": {does: "a whole ward in one process, for tests",
		project: []string{"kiosk/...", "hub/...", "shared/..."}, tests: true},
}

// programs are the packages whose main stays a page long.
var programs = []string{"kiosk", "hub", "provisioning"}

// topLevel is all that may stand there, besides dot-files.
var topLevel = []string{"kiosk", "hub", "shared", "provisioning", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE"}

// emptyNames say nothing about what a package keeps or does.
var emptyNames = []string{"util", "utils", "common", "base", "helper", "helpers", "model", "models", "types", "service", "services", "manager", "managers", "misc", "lib"}
