package model_test

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// sequences run side by side in a cache, each in pages of its own.
type sequences struct {
	*model.KVCache
	d    *model.Decoder
	room int // pages of each
}

func newSequences(d *model.Decoder, n, tokens int) sequences {
	page := model.PageSize(d.Device)
	room := (tokens + page - 1) / page
	return sequences{d.NewKVCache(n * room), d, room}
}

// pages of sequence i, those of the last sequence first.
func (q sequences) pages(i int) []int64 {
	var list []int64
	for j := range q.room {
		list = append(list, int64(q.Pages-1-i*q.room-j))
	}
	return list
}

// prefill computes a prompt, a chunk after the other, and returns its last hidden state (1, D).
func (q sequences) prefill(s *torch.Scope, i int, ids []int64) (hidden torch.Tensor) {
	for start := 0; start < len(ids); start += q.PageTokens {
		chunk := q.Chunk(ids, start, q.pages(i))
		hidden = q.d.Extend(s, q.KVCache, []model.Span{chunk}, []int64{int64(len(chunk.IDs) - 1)})
	}
	return hidden
}

// decode adds a token to each of the first sequences and returns their hidden states (B, D).
func (q sequences) decode(s *torch.Scope, ids []int64, positions []int) torch.Tensor {
	var spans []model.Span
	var wanted []int64
	for i, id := range ids {
		spans = append(spans, model.Span{IDs: []int64{id}, Start: positions[i], Pages: q.pages(i)})
		wanted = append(wanted, int64(i))
	}
	return q.d.Extend(s, q.KVCache, spans, wanted)
}
