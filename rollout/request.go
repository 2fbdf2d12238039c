package rollout

import (
	"slices"
	"strings"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

// request is one prompt on its way to a completion.
type request struct {
	prompt   azr.Prompt
	key      azr.Key
	promptID []int32
	ids      []int32
	logprobs []float32
	stream   *tokenizer.Stream
	text     strings.Builder
	limit    int // most response tokens
	// shown is the longest certain text before the request had to begin again.
	shown string
	// cached is the prompt in the cache while the request runs, and pages are where its own tokens go; none
	// before the second.
	cached *cachedPrompt
	pages  []int64
}

// reset forgets what was sampled. Since draws are keyed, the same is sampled again.
func (r *request) reset() {
	r.shown = r.certain()
	r.ids, r.logprobs, r.cached, r.pages = nil, nil, nil, nil
	r.text.Reset()
	r.stream.Flush()
}

// sampling is the draw of the request's next token.
func (r *request) sampling() torch.Sampling {
	s := r.prompt.Sampling
	topP := s.TopP
	if topP == 0 {
		topP = 1
	}
	return torch.Sampling{Temperature: s.Temperature, TopP: topP, TopK: int64(s.TopK), Uniform: r.key.Uniform(uint64(len(r.ids)))}
}

// position is where the last sampled token stands in the sequence.
func (r *request) position() int64 { return int64(len(r.promptID) + len(r.ids) - 1) }

// add takes a sampled token and tells whether the request has ended, and why.
func (r *request) add(id int32, logprob float32, ends []int32) (azr.Finish, bool) {
	r.ids, r.logprobs = append(r.ids, id), append(r.logprobs, logprob)
	searched, ended := r.text.Len(), slices.Contains(ends, id)
	if !ended {
		r.text.WriteString(r.stream.Add(id))
	}
	if r.cutAtStop(searched) {
		return azr.Stopped, true
	}
	if !ended && len(r.ids) < r.limit {
		return azr.Stopped, false
	}
	// What the stream held back may complete a stop string.
	r.text.WriteString(r.stream.Flush())
	if r.cutAtStop(searched) || ended {
		return azr.Stopped, true
	}
	return azr.Truncated, true
}

// cutAtStop ends the text before the first stop string that reaches past the first searched bytes.
func (r *request) cutAtStop(searched int) bool {
	text, cut := r.text.String(), -1
	for _, stop := range r.prompt.Sampling.Stop {
		from := max(0, searched-len(stop)+1)
		if at := strings.Index(text[min(from, len(text)):], stop); stop != "" && at >= 0 && (cut < 0 || from+at < cut) {
			cut = from + at
		}
	}
	if cut < 0 {
		return false
	}
	r.text.Reset()
	r.text.WriteString(text[:cut])
	return true
}

// certain is the text so far without the longest end of it with which a stop string begins.
func (r *request) certain() string {
	text := r.text.String()
	held := 0
	for _, stop := range r.prompt.Sampling.Stop {
		for n := min(len(stop), len(text)); n > held; n-- {
			if strings.HasSuffix(text, stop[:n]) {
				held = n
			}
		}
	}
	if certain := text[:len(text)-held]; len(certain) > len(r.shown) {
		return certain
	}
	return r.shown
}

func (r *request) completion(f azr.Finish) azr.Completion {
	return azr.Completion{ID: r.prompt.ID, Text: r.text.String(), PromptIDs: r.promptID, IDs: r.ids, LogProbs: r.logprobs, Finish: f}
}
