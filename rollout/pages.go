package rollout

import (
	"slices"
	"strings"
)

// pages lends the pages of a cache. A page may have several borrowers; one that is filled is found again by
// what is in it for as long as it has any.
type pages struct {
	tokens    int     // of a page
	free      []int64 // the next one last
	borrowers []int   // of each page
	filled    map[content]int64
	contents  map[int64]content
}

// content is what a filled page holds: these tokens, after those of the page before (-1: none). The page before is
// borrowed by whoever borrows this one, so its number means the same for as long.
type content struct {
	before int64
	ids    string // see key
}

func newPages(n, tokens int) *pages {
	p := &pages{tokens: tokens, borrowers: make([]int, n), filled: map[content]int64{}, contents: map[int64]content{}}
	for i := range n {
		p.free = append(p.free, int64(n-1-i))
	}
	return p
}

// take lends a free page; there must be one.
func (p *pages) take() int64 {
	last := len(p.free) - 1
	page := p.free[last]
	p.free = p.free[:last]
	p.borrowers[page] = 1
	return page
}

// share lends pages to one more borrower.
func (p *pages) share(list []int64) []int64 {
	for _, page := range list {
		p.borrowers[page]++
	}
	return slices.Clone(list)
}

// giveBack ends a loan.
func (p *pages) giveBack(list []int64) {
	for _, page := range slices.Backward(list) {
		if p.borrowers[page]--; p.borrowers[page] > 0 {
			continue
		}
		if c, ok := p.contents[page]; ok {
			delete(p.filled, c)
			delete(p.contents, page)
		}
		p.free = append(p.free, page)
	}
}

// known lends the pages that hold a prompt's beginning, without its last token: what that gives is not kept.
func (p *pages) known(ids []int32) (list []int64) {
	before := int64(-1)
	for whole := range slices.Chunk(ids[:len(ids)-1], p.tokens) {
		if len(whole) < p.tokens {
			break
		}
		page, ok := p.filled[content{before, key(whole)}]
		if !ok {
			break
		}
		list, before = append(list, page), page
	}
	return p.share(list)
}

// fill makes the whole pages of a prompt known. Where another page holds the same already, that one stays known.
func (p *pages) fill(ids []int32, list []int64) {
	before := int64(-1)
	for i := range len(ids) / p.tokens {
		c := content{before, strings.Clone(key(ids[i*p.tokens : (i+1)*p.tokens]))}
		if _, ok := p.filled[c]; !ok {
			p.filled[c], p.contents[list[i]] = list[i], c
		}
		before = list[i]
	}
}

// forget makes all pages unknown; loans go on.
func (p *pages) forget() {
	clear(p.filled)
	clear(p.contents)
}
