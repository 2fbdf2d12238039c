package python

import (
	"regexp"
	"slices"
	"strings"

	"github.com/azr-train/azr"
)

// chatFormat reads thought and answer tags. The prompt opens the thought, so a
// completion is the thought, </think>, and <answer> fenced blocks </answer>.
type chatFormat struct{}

func (chatFormat) open(azr.Role, azr.TaskType) string   { return "<think>\n" }
func (chatFormat) stop(azr.Role, azr.TaskType) []string { return nil }

// block is a fenced part of an answer.
type block struct{ tag, body string }

func (chatFormat) program(text string) (program, input, reason string) {
	body, reason := answerBody(text)
	if reason != "" {
		return "", "", reason
	}
	blocks := fencedBlocks(body)
	program, found := firstTagged(blocks, "python", "py", "")
	if !found {
		return "", "", "no program"
	}
	if input, found := firstTagged(blocks, "input"); found {
		return program, input, ""
	}
	if input, found := lastLine(body, "Input"); found {
		return program, input, ""
	}
	return "", "", "no input"
}

func (chatFormat) inputs(_ azr.Task, text string) (inputs []string, message, reason string) {
	body, reason := answerBody(text)
	if reason != "" {
		return nil, "", reason
	}
	for _, b := range fencedBlocks(body) {
		switch b.tag {
		case "input":
			inputs = append(inputs, b.body)
		case "message":
			message = b.body
		}
	}
	if message == "" {
		message, _ = lastLine(body, "Message")
	}
	return inputs, message, ""
}

// answer reads the last block with the tag that was asked for, or else the last
// untagged one; a literal may also stand on a labelled line or alone.
func (chatFormat) answer(t azr.TaskType, text string) (answer, reason string) {
	body, reason := answerBody(text)
	if reason != "" {
		return "", reason
	}
	blocks := fencedBlocks(body)
	slices.Reverse(blocks)
	if t == azr.Induction {
		if program, found := firstTagged(blocks, "python", "py", ""); found {
			return program, ""
		}
		return "", "no program"
	}
	label := resultLabel(t)
	if t == azr.Abduction {
		label = "Input"
	}
	if value, found := firstTagged(blocks, strings.ToLower(label), ""); found {
		return value, ""
	}
	if value, found := lastLine(body, label); found {
		return value, ""
	}
	return strings.TrimSpace(body), ""
}

// answerBody returns what stands in the answer tags that follow the thought. The
// last closing tag counts, so a program may contain one.
func answerBody(text string) (body, reason string) {
	_, rest, found := strings.Cut(text, "</think>")
	if !found {
		return "", "the thought does not end"
	}
	body, found = strings.CutPrefix(strings.TrimSpace(rest), "<answer>")
	if !found {
		return "", "no answer after the thought"
	}
	end := strings.LastIndex(body, "</answer>")
	if end < 0 {
		return "", "the answer does not end"
	}
	return body[:end], ""
}

var fenceLine = regexp.MustCompile("^ {0,3}(`{3,})[ \t]*([A-Za-z0-9_+-]*)[ \t]*$")

// fencedBlocks splits an answer line by line: a block ends at a bare fence at
// least as long as the one that opened it, so its text may hold shorter ones.
func fencedBlocks(body string) []block {
	var blocks []block
	var open, tag string
	var inside []string
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n", "\n"), "\n") {
		m := fenceLine.FindStringSubmatch(line)
		switch {
		case open == "" && m != nil:
			open, tag, inside = m[1], strings.ToLower(m[2]), nil
		case open != "" && m != nil && m[2] == "" && len(m[1]) >= len(open):
			blocks = append(blocks, block{tag, strings.Join(inside, "\n")})
			open = ""
		case open != "":
			inside = append(inside, line)
		}
	}
	return blocks
}

// firstTagged returns the first block with the first of the tags that any block has.
func firstTagged(blocks []block, tags ...string) (body string, found bool) {
	for _, tag := range tags {
		for _, b := range blocks {
			if b.tag == tag {
				return b.body, true
			}
		}
	}
	return "", false
}

// lastLine returns what follows "label:" on the last line, or comment, that begins with it.
func lastLine(body, label string) (string, bool) {
	lines := strings.Split(body, "\n")
	for _, line := range slices.Backward(lines) {
		text, found := strings.CutPrefix(strings.TrimLeft(line, "# \t"), label+":")
		if text = strings.TrimSpace(text); found && text != "" {
			return text, true
		}
	}
	return "", false
}
