package rollout

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const page = 64

// text is n ids from first on.
func text(first, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(first + i)
	}
	return ids
}

func (p *pages) takeAll(n int) (list []int64) {
	for range n {
		list = append(list, p.take())
	}
	return list
}

func TestAFilledPageIsFoundWhileItIsBorrowed(t *testing.T) {
	p := newPages(6, page)
	first := p.takeAll(3)
	assert.Equal(t, []int64{0, 1, 2}, first)
	p.fill(text(0, 2*page+5), first)

	assert.Empty(t, p.known(text(1, 2*page)), "another text")
	assert.Empty(t, p.known(text(0, page)), "the last token is always computed")
	same := p.known(text(0, 2*page+1))
	assert.Equal(t, first[:2], same)
	p.giveBack(first)
	assert.Equal(t, []int64{5, 4, 3, 2}, p.free, "two pages have another borrower")
	assert.Equal(t, first[:2], p.known(text(0, 3*page)))
	p.giveBack(first[:2])
	p.giveBack(same)
	assert.Len(t, p.free, 6)
	assert.Empty(t, p.known(text(0, 2*page+1)))
	assert.Empty(t, p.contents)
}

// The same tokens after other ones are another page.
func TestAPageIsKnownByWhatComesBeforeIt(t *testing.T) {
	p := newPages(6, page)
	one, other := append(text(0, page), text(500, page)...), append(text(100, page), text(500, page)...)
	p.fill(one, p.takeAll(2))
	assert.Empty(t, p.known(append(other, 1)))
	p.fill(other, p.takeAll(2))
	assert.Equal(t, []int64{2, 3}, p.known(append(other, 1)))
	assert.Equal(t, []int64{0, 1}, p.known(append(one, 1)))
}

func TestForgottenPagesAreNotFound(t *testing.T) {
	p := newPages(2, page)
	list := p.takeAll(2)
	p.fill(text(0, 2*page), list)
	p.forget()
	assert.Empty(t, p.known(text(0, 2*page)))
	p.giveBack(list)
	assert.Len(t, p.free, 2)
}
