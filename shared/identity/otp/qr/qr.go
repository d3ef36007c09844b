// Package qr draws a QR code as one path of an SVG picture.
//
// A path is part of the page: it needs no second request and no entry in the content
// security policy, is sharp at any size, and has the color of the text around it. It is
// a separate package so that only the function that shows one links the encoder.
package qr

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// Quiet is the width of the empty border that a scanner needs, in modules
// (ISO/IEC 18004 §9.1). It is in the picture.
const Quiet = 4

// Path returns the data of a path that fills the dark modules of the code of a text, and
// the width of the picture, which is square: viewBox="0 0 size size". A module is one
// unit wide. The path needs a light background in every color scheme: many scanners do
// not read a light code on a dark background.
func Path(text string) (path string, size int, err error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0, fmt.Errorf("encode a QR code: %w", err)
	}
	var b strings.Builder
	side := code.Bounds().Dx()
	for y := range side {
		for x := 0; x < side; x++ {
			from := x
			for x < side && code.At(x, y) == color.Black {
				x++
			}
			if x > from {
				run := strconv.Itoa(x - from)
				b.WriteString("M" + strconv.Itoa(from+Quiet) + " " + strconv.Itoa(y+Quiet) + "h" + run + "v1h-" + run + "z")
			}
		}
	}
	return b.String(), side + 2*Quiet, nil
}
