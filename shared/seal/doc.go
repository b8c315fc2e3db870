// Package seal closes what residents say to everyone but its readers, and
// makes the receipt codes by which they ask what became of it.
//
// It promises that a sealed letter is opened whole or not at all, that a
// padded letter shows only which of six sizes it fits, and that from a receipt
// code, and from it alone, come both the tag that files a case box and the key
// that opens it.
//
// It keeps no key and no file, and never sees a network or a clock.
package seal
