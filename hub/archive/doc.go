// Package archive keeps sealed blobs and segments.
package archive
