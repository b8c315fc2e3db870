// Package archive keeps what must outlive the hub's disk: sealed blobs,
// segments of journals, and backups. A Store is a folder on another disk
// (Folder) or a bucket (S3); a Spool holds blobs on the hub's own disk until
// they are there.
//
// It promises that a Put through Verified comes back without an error only
// after the bytes were read back from storage and hashed, whatever the server
// said; that a name is given once, so nothing is ever written over; that what a
// Spool has acknowledged survives a kill and a power cut to the byte, and what
// it finds after a restart is hashed before it is believed; and that no error
// and no log line holds the secret.
//
// It does not encrypt (what comes here is sealed already), does not try again
// (the hub's chores do, for as long as it takes), and does not decide what is
// kept how long.
//
// # Choosing an archive
//
//	--archive /mnt/archive                             a folder on another disk
//	--archive 's3://minio.ward.local:9000/nghe?ca=/etc/nghe/ca.pem'
//	--archive 's3://s3.ap-southeast-1.amazonaws.com/nghe-quang-tien?region=ap-southeast-1'
//
// Kiosks may delete what they sent only once it is off the hub's own disk. A
// folder on the same disk works, but then they delete nothing. A second disk
// must not be a partition of the first: from here the two look like two disks.
// Of an S3 server on the hub's own machine nobody can see from here which disk
// it writes to; it counts as the same until the operator vouches for it.
//
// Run "hub s3 check --archive … --data …" before the hub depends on it, and
// after every change there. It says in a sentence each what the archive can and
// cannot do, and leaves nothing behind.
//
// # A folder
//
// The disk is recognised by a file .nghe-archive in the folder. When it is
// missing later, the disk is not mounted: nothing is written into the empty
// mount point, and work goes on when the disk is back, without a restart. Every
// object is synced with its folder, and its pages are dropped from the cache,
// so that reading back reads the disk; a USB stick of false size shows itself
// there. Use a file system with hard links (ext4, xfs). On exFAT nothing is
// written over by one hub; two hubs must not share the folder.
//
// # A bucket
//
// Make one bucket for one hub and a key for it alone. The key needs
// s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket; with
// versioning also s3:ListBucketVersions and s3:DeleteObjectVersion. Give key
// and secret as NGHE_ARCHIVE_KEY and NGHE_ARCHIVE_SECRET: a command line can be
// read by every user of the machine.
//
// TLS is required except on loopback (tls=off). A server with a certificate of
// its own needs ca= or NGHE_ARCHIVE_CA, a PEM file that then stands for all
// authorities of the system. Redirects are not followed; HTTPS_PROXY is used.
//
// Every upload is one request that names the MD5 and SHA-256 of the whole and
// asks not to write over. Its answer is not believed by itself: the tag is
// compared, and Verified reads back. Old versions are deleted with the object,
// because deletion by law must be one. A lock of the bucket (object lock) makes
// that wait; choose its time with whoever answers for personal data.
//
// A server that does not sync its disk (versitygw does not) can lose in a power
// cut what it gave back a moment before. The daily audit reads again, and
// kiosks keep for a week what is safe: give such a server a UPS, or mount its
// disk sync.
//
// # When something is wrong
//
// Errors say what to do. errors.Is(err, ErrSetup): only a person can help (a
// right, a certificate, a clock, a full disk); trying again more often than
// once an hour is of no use. Everything else passes by itself: the server is
// away, busy or slow, or something between answers in its place.
//
// A damaged object is blob.ErrDamaged from Check, and ErrExists from a Put of
// the right bytes. Where a key names its bytes, Replace puts a good copy there.
//
// Silence ends a request after 30 s, slowness after a minute and a second for
// each 16 KiB. The clock of the server may differ by 15 minutes; then it
// refuses everything, and the error says by how much.
//
// # The spool
//
// One folder on the hub's own disk, one process at a time. Its budget counts
// unfinished blobs in full, so what was begun can be finished; while a blob is
// finished it stands there twice. ErrFull is for new blobs only, and tells a
// kiosk to wait. Unfinished blobs nobody touched for a day give way when room
// is needed: their kiosks still have them. It may be emptied by hand while the
// hub is stopped: kiosks send again what is not archived.
package archive
