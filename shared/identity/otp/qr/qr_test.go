package qr_test

import (
	"bytes"
	"image/color"
	"regexp"
	"strconv"
	"strings"
	"testing"

	encoder "github.com/boombuler/barcode/qr"

	"github.com/tipstaff/tipstaff/shared/identity/otp/qr"
)

const uri = "otpauth://totp/auth.example.com:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth.example.com"

var run = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// drawn returns the picture that a path fills, one byte for each module.
func drawn(t *testing.T, path string, size int) []byte {
	t.Helper()
	picture := bytes.Repeat([]byte("."), size*size)
	if rest := run.ReplaceAllString(path, ""); rest != "" {
		t.Fatalf("the path has %q beside its rectangles", rest)
	}
	for _, m := range run.FindAllStringSubmatch(path, -1) {
		var n [4]int
		for i := range n {
			var err error
			if n[i], err = strconv.Atoi(m[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		x, y, width, back := n[0], n[1], n[2], n[3]
		if width != back || x < qr.Quiet || y < qr.Quiet || x+width > size-qr.Quiet || y >= size-qr.Quiet {
			t.Fatalf("%q is no rectangle inside the quiet zone of %d", m[0], size)
		}
		for i := range width {
			picture[y*size+x+i] = '#'
		}
	}
	return picture
}

// The path draws the code of the text, module by module.
func TestPathDrawsTheCode(t *testing.T) {
	for _, text := range []string{uri, "a", strings.Repeat("long ", 100)} {
		path, size, err := qr.Path(text)
		if err != nil {
			t.Fatal(err)
		}
		code, err := encoder.Encode(text, encoder.M, encoder.Auto)
		if err != nil {
			t.Fatal(err)
		}
		side := code.Bounds().Dx()
		if size != side+2*qr.Quiet {
			t.Fatalf("size = %d, want %d and a border of %d", size, side, qr.Quiet)
		}
		picture := drawn(t, path, size)
		dark := 0
		for y := range side {
			for x := range side {
				r, _, _, _ := code.At(x, y).RGBA()
				want := byte('.')
				if r == 0 {
					want = '#'
					dark++
				}
				if got := picture[(y+qr.Quiet)*size+x+qr.Quiet]; got != want {
					t.Fatalf("module %d, %d of %.10q = %c, want %c", x, y, text, got, want)
				}
			}
		}
		if dark < side*side/3 {
			t.Errorf("%d of %d modules are dark, want about half", dark, side*side)
		}
	}
}

// The three finder patterns are in their corners (ISO/IEC 18004 §6.3.3).
func TestFinderPatterns(t *testing.T) {
	path, size, err := qr.Path(uri)
	if err != nil {
		t.Fatal(err)
	}
	picture := drawn(t, path, size)
	finder := []string{"#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"}
	for _, corner := range [][2]int{{qr.Quiet, qr.Quiet}, {size - qr.Quiet - 7, qr.Quiet}, {qr.Quiet, size - qr.Quiet - 7}} {
		for y, want := range finder {
			from := (corner[1]+y)*size + corner[0]
			if got := string(picture[from : from+7]); got != want {
				t.Errorf("row %d of the pattern at %v = %s, want %s", y, corner, got, want)
			}
		}
	}
}

// A page with the code stays small.
func TestThePathIsSmall(t *testing.T) {
	path, size, err := qr.Path(uri)
	if err != nil {
		t.Fatal(err)
	}
	if len(path) > 12<<10 || size > 60 {
		t.Errorf("the path of %d bytes of text has %d bytes and is %d wide, want at most 12 KiB and 60", len(uri), len(path), size)
	}
}

func TestATextThatIsTooLongIsAnError(t *testing.T) {
	if path, size, err := qr.Path(strings.Repeat("a", 3000)); err == nil {
		t.Errorf("Path of 3000 characters = %d bytes, %d, want an error", len(path), size)
	}
	// Dark and light are those of the encoder.
	code, err := encoder.Encode("a", encoder.M, encoder.Auto)
	if err != nil {
		t.Fatal(err)
	}
	if got := code.At(0, 0); got != color.Color(color.Black) {
		t.Errorf("the first module is %v, want black", got)
	}
}
