package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// demoPictures are what people of the story photographed or took off their screens, drawn when it is needed.
var demoPictures = map[string]func() image.Image{
	"streaks.png":   drawStreaks,
	"stop.png":      drawStopScreen,
	"error.png":     drawErrorWindow,
	"heatmap.png":   drawSignal,
	"pale-page.png": drawPalePage,
}

func encodePicture(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return nil, fmt.Errorf("drawing a picture of the demo: %w", err)
	}
	return b.Bytes(), nil
}

func canvas(w, h int, c color.Color) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(m, m.Bounds(), c)
	return m
}

func fill(m draw.Image, r image.Rectangle, c color.Color) {
	draw.Draw(m, r, image.NewUniform(c), image.Point{}, draw.Src)
}

var (
	ink   = color.RGBA{40, 44, 52, 255}
	paper = color.RGBA{252, 252, 250, 255}
)

// page is a sheet with lines of something like text in the colour.
func page(c color.Color) *image.RGBA {
	m := canvas(420, 594, color.RGBA{205, 208, 214, 255})
	fill(m, image.Rect(20, 16, 400, 578), paper)
	fill(m, image.Rect(52, 52, 220, 66), c)
	for y, n := 92, 0; y < 540; y, n = y+15, n+1 {
		if n%7 == 6 {
			continue
		}
		for x := 52; x < 368-(n*37)%90; {
			w := 12 + (x*7+y*3)%34
			fill(m, image.Rect(x, y, min(x+w, 368), y+5), c)
			x += w + 6
		}
	}
	return m
}

func drawStreaks() image.Image {
	m := page(ink)
	for _, x := range []int{118, 124, 251, 330} {
		fill(m, image.Rect(x, 16, x+3, 578), color.RGBA{70, 72, 78, 255})
	}
	return m
}

func drawPalePage() image.Image { return page(color.RGBA{236, 236, 234, 255}) }

func drawStopScreen() image.Image {
	m := canvas(640, 360, color.RGBA{0, 103, 184, 255})
	white := color.RGBA{255, 255, 255, 255}
	for _, eye := range []int{70, 100} { // a colon and a bracket
		fill(m, image.Rect(70, eye, 80, eye+10), white)
	}
	for y := -26; y <= 26; y++ {
		fill(m, image.Rect(96+y*y/60, 92+y, 106+y*y/60, 93+y), white)
	}
	for i, w := range []int{420, 380, 250} {
		fill(m, image.Rect(70, 160+i*24, 70+w, 168+i*24), white)
	}
	for i := range 100 {
		if (i*i+i*3)%5 < 2 {
			x, y := 70+i%10*7, 260+i/10*7
			fill(m, image.Rect(x, y, x+7, y+7), white)
		}
	}
	return m
}

func drawErrorWindow() image.Image {
	m := canvas(560, 320, color.RGBA{226, 232, 240, 255})
	fill(m, image.Rect(60, 60, 500, 250), color.RGBA{148, 163, 184, 255})
	fill(m, image.Rect(61, 61, 499, 249), paper)
	fill(m, image.Rect(61, 61, 499, 88), color.RGBA{51, 65, 85, 255})
	red := color.RGBA{200, 38, 46, 255}
	for y := -22; y <= 22; y++ {
		for x := -22; x <= 22; x++ {
			cross := (x == y || x == -y || x == y+1 || x == -y+1) && x > -12 && x < 12
			if x*x+y*y <= 22*22 && !cross {
				m.Set(110+x, 140+y, red)
			}
		}
	}
	for i, w := range []int{300, 260, 180} {
		fill(m, image.Rect(160, 122+i*18, 160+w, 129+i*18), ink)
	}
	fill(m, image.Rect(400, 208, 476, 232), color.RGBA{203, 213, 225, 255})
	return m
}

// drawSignal is a floor plan with the strength of the Wi-Fi around two access points, one of which is silent.
func drawSignal() image.Image {
	m := canvas(600, 360, paper)
	for y := 20; y < 340; y++ {
		for x := 20; x < 580; x++ {
			dx, dy := float64(x-150), float64(y-180)
			near := max(0, 1-(dx*dx+dy*dy)/(330*330))
			m.Set(x, y, color.RGBA{uint8(235 - 150*near), uint8(110 + 90*near), uint8(90 + 30*near), 255})
		}
	}
	for _, wall := range []image.Rectangle{
		image.Rect(18, 18, 582, 22), image.Rect(18, 338, 582, 342), image.Rect(18, 18, 22, 342), image.Rect(578, 18, 582, 342),
		image.Rect(300, 18, 303, 130), image.Rect(300, 220, 303, 342), image.Rect(300, 180, 470, 183),
	} {
		fill(m, wall, ink)
	}
	fill(m, image.Rect(144, 174, 156, 186), color.RGBA{255, 255, 255, 255})
	fill(m, image.Rect(444, 244, 456, 256), ink)
	return m
}
