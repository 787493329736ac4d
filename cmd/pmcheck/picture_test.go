package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/browsertest"
)

// The README shows the demo's report as a browser does; -update takes the picture anew.
func TestPictureOfTheReport(t *testing.T) {
	const path = "../../docs/report.png"
	if *update {
		report := filepath.Join(t.TempDir(), "report.html")
		var out, errs bytes.Buffer
		if status := run([]string{"demo", "--format", "html=" + report}, &out, &errs); status != exitFail {
			t.Fatalf("the demo ended with %d: %s", status, errs.String())
		}
		takePicture(t, path, report, 1500)
	}
	shows(t, path, "../../README.md", "(docs/report.png)")
}

// docs/dora.md shows the page of package dora's story, which its tests hold against testdata/story.html.
func TestPictureOfTheDORAPage(t *testing.T) {
	const path = "../../docs/dora.png"
	if *update {
		takePicture(t, path, "../../checks/dora/testdata/story.html", 1690)
	}
	shows(t, path, "../../docs/dora.md", "(dora.png)")
}

// takePicture shows a page in a browser and writes what stands on its first screen.
func takePicture(t *testing.T, path, page string, height int) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown := browsertest.New(t).Open(t, content, browsertest.View{Width: 1280, Height: height})
	picture, err := png.Decode(bytes.NewReader(shown.Screenshot(t)))
	if err != nil {
		t.Fatal(err)
	}
	var smaller bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&smaller, fewerColors(picture)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, smaller.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// shows tells that a picture is one, and that a document shows it.
func shows(t *testing.T, path, document, link string) {
	t.Helper()
	picture, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || config.Width != 1280 || len(picture) > 200_000 {
		t.Errorf("%s: %d pixels wide, %d bytes: %v; want 1280 and 200,000 at most", path, config.Width, len(picture), err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), link) {
		t.Errorf("%s does not show %s", document, path)
	}
}

// fewerColors is a picture in the 256 colours that it has most of: a page has few, and the edges of its letters many.
func fewerColors(from image.Image) image.Image {
	count := map[color.RGBA]int{}
	bounds := from.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	out := image.NewPaletted(bounds, palette)
	draw.Draw(out, bounds, from, bounds.Min, draw.Src)
	return out
}
