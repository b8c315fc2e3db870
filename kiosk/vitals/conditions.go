package vitals

import "nghe/shared/wire"

// Name is the name of a condition. The list is closed: operators' pages have
// words for each of these and for no other.
type Name string

// The machine.
const (
	DiskLow      Name = "disk-low"          // value: bytes free
	DiskFull     Name = "disk-full"         // value: bytes free
	DiskUnread   Name = "disk-unread"       // the data folder could not be examined
	Hot          Name = "hot"               // value: thousandths of a degree Celsius
	Overheating  Name = "overheating"       // the same, where the machine may stop
	Throttled    Name = "throttled"         // the processor was slowed down; value: firmware's bits
	UnderVoltage Name = "under-voltage"     // the power supply is too weak
	OnBattery    Name = "on-battery"        // mains power is gone
	BatteryLow   Name = "battery-low"       // value: per cent
	MemoryHigh   Name = "memory-high"       // the agent itself; value: bytes
	CardWorn     Name = "card-worn"         // value: per cent of the card's stated life
	NoScreen     Name = "no-screen"         // no display is connected
	ScreenFrozen Name = "screen-frozen"     // the page paints no more; value: how often the browser was brought back
	ClockOff     Name = "clock-off"         // value: microseconds the hub is ahead
	Storage      Name = "storage-fails"     // the outbox could not keep an answer
	OutboxUnread Name = "outbox-unread"     // what the outbox keeps could not be read, or is not what was written
	SetAside     Name = "journal-set-aside" // a damaged journal waits for rescue; value: how many
	Misinformed  Name = "bulletin-broken"   // what the hub tells cannot be used or kept; value: version held
	ToldNewer    Name = "bulletin-newer"    // some of what the hub tells is for a newer agent; value: how many parts
	Forked       Name = "journal-forked"    // rolled back, cloned or restored; value: wire.ForkCause
)

// Giving up one thing after another as the disk fills, so that ratings go on.
// Of these, each holds together with those before it.
const (
	BlobsEarly   Name = "blobs-early"    // archived recordings and photos go before their time; value: bytes of room
	RecordsEarly Name = "records-early"  // so do records that are safe
	NoVoice      Name = "no-voice"       // no new recordings
	NoPhoto      Name = "no-photo"       // no new photos
	NoWords      Name = "no-words"       // ratings only
	OnReserve    Name = "on-reserve"     // ratings are kept in the reserve; value: ratings that still fit
	OutOfService Name = "out-of-service" // nothing is kept, and nobody thanked
)

// Sealed blobs.
const (
	BlobsMissing Name = "blobs-missing" // a record names what is not here; value: how many
	BlobsRefused Name = "blobs-refused" // the hub will not have them; value: how many
)

// The line to the hub. At most one of these holds at a time.
const (
	NoRoute            Name = "no-route"
	NameNotFound       Name = "name-not-found"
	ConnectionRefused  Name = "connection-refused"
	HubSilent          Name = "hub-silent"
	CaptivePortal      Name = "captive-portal"
	ProxyRefused       Name = "proxy-refused" // value: HTTP status
	ForeignCertificate Name = "foreign-certificate"
	OtherHub           Name = "other-hub" // set up anew, or a wrong address
	WrongName          Name = "wrong-name"
	NotAHub            Name = "not-a-hub"  // value: HTTP status
	HubBehind          Name = "hub-behind" // the hub lost what it had acknowledged, and does not know it
	AgentTooOld        Name = "agent-too-old"
	Revoked            Name = "revoked"
	UnknownDevice      Name = "unknown-device"
	KitRefused         Name = "kit-refused" // the kiosk is not enrolled and its kit will not do
	Replaced           Name = "replaced"    // another machine uses this identity
	HubFailed          Name = "hub-failed"
	LinkLost           Name = "link-lost"
)

type meaning struct {
	level wire.ConditionLevel
	link  bool
	words string
}

var meanings = map[Name]meaning{
	DiskLow:      {wire.ConditionWarning, false, "the disk is nearly full; free some space or replace it"},
	DiskFull:     {wire.ConditionSevere, false, "the disk is nearly full; free some space or replace it"},
	DiskUnread:   {wire.ConditionSevere, false, "the data folder cannot be examined; check the disk"},
	Hot:          {wire.ConditionWarning, false, "the machine is hot; give it air and shade"},
	Overheating:  {wire.ConditionSevere, false, "the machine is about to stop from heat; give it air and shade"},
	Throttled:    {wire.ConditionWarning, false, "the processor is slowed down by heat or weak power"},
	UnderVoltage: {wire.ConditionWarning, false, "the power supply is too weak; use the one that came with the machine"},
	OnBattery:    {wire.ConditionWarning, false, "mains power is gone; the machine runs on its battery"},
	BatteryLow:   {wire.ConditionSevere, false, "the battery is nearly empty; the machine will stop"},
	MemoryHigh:   {wire.ConditionWarning, false, "the agent uses more memory than it should; tell the makers"},
	CardWorn:     {wire.ConditionWarning, false, "the storage card is near the end of its life; replace it"},
	NoScreen:     {wire.ConditionSevere, false, "no display is connected; check the cable"},
	ScreenFrozen: {wire.ConditionSevere, false, "the screen is frozen or shows no page; look at it, switch the machine off and on"},
	ClockOff:     {wire.ConditionWarning, false, "the clock differs from the hub's; check time synchronisation"},
	Storage:      {wire.ConditionSevere, false, "answers cannot be kept; check the disk"},
	OutboxUnread: {wire.ConditionSevere, false, "kept answers cannot be read; check the disk"},
	Misinformed:  {wire.ConditionWarning, false, "what the hub tells cannot be used; update the agent, or check the disk"},
	ToldNewer:    {wire.ConditionWarning, false, "some of what the hub tells is for a newer agent and is not shown; update the agent"},
	SetAside:     {wire.ConditionSevere, false, "a damaged journal was set aside; call the ward's IT before anything is deleted on this kiosk"},
	Forked:       {wire.ConditionWarning, false, "the journal branched off: this machine or the hub was rolled back or copied"},

	BlobsEarly:   {wire.ConditionNote, false, "the disk is filling; recordings and photos that are archived go before their time"},
	RecordsEarly: {wire.ConditionNote, false, "the disk is filling; records that are safe go before their time"},
	NoVoice:      {wire.ConditionWarning, false, "the disk is filling; no new recordings are taken"},
	NoPhoto:      {wire.ConditionWarning, false, "the disk is filling; no new photos are taken"},
	NoWords:      {wire.ConditionWarning, false, "the disk is nearly full; only ratings are taken; free some space or replace it"},
	OnReserve:    {wire.ConditionSevere, false, "the disk is full; ratings are kept in the reserve; free some space now"},
	OutOfService: {wire.ConditionSevere, false, "the disk and the reserve are full; the screen is out of service; free some space"},
	BlobsMissing: {wire.ConditionSevere, false, "recordings, photos or words that were kept are gone from the disk; check it"},
	BlobsRefused: {wire.ConditionWarning, false, "the hub refuses some recordings, photos or words; they wait in the folder media/refused"},

	NoRoute:            {wire.ConditionWarning, true, "there is no way to the network; check cable and Wi-Fi"},
	NameNotFound:       {wire.ConditionWarning, true, "the hub's name is not found; check DNS, or the address in the kit"},
	ConnectionRefused:  {wire.ConditionWarning, true, "nothing answers at the hub's address; check that the hub runs and its port is open"},
	HubSilent:          {wire.ConditionWarning, true, "the hub does not answer in time; check the line"},
	CaptivePortal:      {wire.ConditionWarning, true, "the network shows a sign-in page; have this machine let through"},
	ProxyRefused:       {wire.ConditionWarning, true, "the proxy refuses; check its rules and the proxy setting"},
	ForeignCertificate: {wire.ConditionSevere, true, "something that is no hub answers in the hub's place; have the hub's address excepted from inspection, or correct it"},
	OtherHub:           {wire.ConditionSevere, true, "another hub answers at the hub's address; if the hub was set up anew, restore it or make a new kit, else correct the address"},
	WrongName:          {wire.ConditionSevere, true, "the hub's certificate is for another address; start the hub with this name as well"},
	HubBehind:          {wire.ConditionSevere, true, "the hub has lost what it once acknowledged; its operators must restore it properly"},
	NotAHub:            {wire.ConditionWarning, true, "what answers at the hub's address is not a kiosk listener; check the address in the kit"},
	AgentTooOld:        {wire.ConditionSevere, true, "the hub no longer speaks this agent's version; update the agent"},
	Revoked:            {wire.ConditionSevere, true, "the hub has ended its trust in this device; ask the ward's IT for a new kit"},
	KitRefused:         {wire.ConditionSevere, true, "the hub refused the enrolment kit; ask the ward's IT for a new one"},
	UnknownDevice:      {wire.ConditionSevere, true, "the hub does not know this device; ask the ward's IT for a new kit"},
	Replaced:           {wire.ConditionWarning, true, "another machine uses this one's identity; look for a copy"},
	HubFailed:          {wire.ConditionNote, true, "the hub had to stop for a while; nothing is lost"},
	LinkLost:           {wire.ConditionNote, true, "the line to the hub broke; trying again"},
}

// Level of a condition.
func (n Name) Level() wire.ConditionLevel { return meanings[n].level }

// OfLine says whether it is about the line to the hub.
func (n Name) OfLine() bool { return meanings[n].link }

// Words say in English what a condition means and what to do about it.
func (n Name) Words() string { return meanings[n].words }

// Names lists every condition there is.
func Names() []Name {
	all := make([]Name, 0, len(meanings))
	for n := range meanings {
		all = append(all, n)
	}
	return all
}
