package python

import (
	"embed"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/azr-train/azr"
)

//go:embed prompts
var promptFiles embed.FS

// templates holds prompts/STYLE/ROLE_TYPE.tmpl under "STYLE/ROLE_TYPE", and what makes text of a chat under "plain/chat". A file's last line end is not part of it.
var templates = parseTemplates()

// promptData is what a template sees.
type promptData struct {
	// References are tasks to differ from; Task is the last one, for an induction proposal the one with the program.
	References []azr.Task
	Task       azr.Task
	// Relation is longer or same: how the size that is asked for relates to Task's. Empty: nothing is asked for.
	Relation string
	// Worked are up to two fixed examples of the format.
	Worked []azr.Task
	// N is the number of inputs that an induction proposal needs.
	N int
	// Size says how many statements a program must have, "" if that is open.
	Size string
	// Helpers are the sources of the functions that a program must call.
	Helpers []string
}

func parseTemplates() *template.Template {
	root := template.New("").Funcs(template.FuncMap{"fence": fence, "first": firstExamples, "inc": func(i int) int { return i + 1 }, "comment": comment})
	for _, set := range []string{string(Chat), string(Completion), string(Trace), string(PlainWrapper)} {
		folder := "prompts/" + set
		files, err := promptFiles.ReadDir(folder)
		if err != nil {
			panic(err) // the files are part of this program
		}
		for _, file := range files {
			text, err := promptFiles.ReadFile(folder + "/" + file.Name())
			if err != nil {
				panic(err)
			}
			name := set + "/" + strings.TrimSuffix(file.Name(), ".tmpl")
			template.Must(root.New(name).Parse(strings.TrimSuffix(string(text), "\n")))
		}
	}
	return root
}

// ProposePrompt asks for a task. For induction there must be a reference.
func (e *Environment) ProposePrompt(r azr.Request) azr.Prompt {
	data := promptData{References: r.References, N: e.cfg.InductionInputs, Worked: workedFor(r.Type), Size: sizeText(r), Helpers: helperSources(r.Helpers)}
	if n := len(r.References); r.Type == azr.Induction {
		data.Task = r.References[0]
	} else if n > 0 {
		data.Task = r.References[n-1]
	}
	if r.Relative {
		data.Relation = relation(data.Task.Measures.Size, r.Size)
	}
	p := e.prompt(azr.Propose, r.Type, data)
	if data.Size != "" && e.cfg.Style == Completion {
		p.Sampling.Stop = append(p.Sampling.Stop, "\nStatements:")
	}
	return p
}

// sizeText says how many statements are asked for: a number, or a difference from the last reference.
func sizeText(r azr.Request) string {
	if r.Size == 0 {
		return ""
	}
	if n := len(r.References); r.Relative && n > 0 && r.References[n-1].Measures.Program != "" {
		switch d := r.Size - r.References[n-1].Measures.Size; {
		case d == 0:
			return "as many as the last one"
		case d > 0:
			return fmt.Sprintf("%d more than the last one", d)
		default:
			return fmt.Sprintf("%d fewer than the last one", -d)
		}
	}
	return strconv.Itoa(r.Size)
}

func relation(base, size int) string {
	if size > base {
		return "longer"
	}
	return "same"
}

// SolvePrompt asks for an answer to a task.
func (e *Environment) SolvePrompt(task azr.Task) azr.Prompt {
	p := e.prompt(azr.Solve, task.Type, promptData{Task: task, Worked: workedFor(task.Type)})
	if e.cfg.Style == Trace && e.cfg.ForceTrace {
		p.Text += traceBeginning(task)
	}
	return p
}

func (e *Environment) prompt(r azr.Role, t azr.TaskType, data promptData) azr.Prompt {
	text := execute(fmt.Sprintf("%s/%s_%s", e.cfg.Style, r, t), data)
	p := azr.Prompt{Text: e.format.open(r, t), Sampling: azr.Sampling{Stop: e.format.stop(r, t)}}
	switch {
	case e.cfg.Style != Chat:
		p.Text = text + p.Text
	case e.cfg.Wrapper == PlainWrapper:
		p.Text = execute(string(PlainWrapper)+"/chat", text) + p.Text
		p.Sampling.Stop = append(p.Sampling.Stop, nextTurn)
	default:
		p.Messages = []azr.Message{{Role: "user", Content: text}}
	}
	return p
}

func execute(name string, data any) string {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // a template that does not fit its data is a mistake of this program
	}
	return b.String()
}

// nextTurn is where a base model would go on with a question of its own.
const nextTurn = "\nUser:"

// fence puts text into a fenced block that no line of it can close.
func fence(tag, text string) string {
	ticks := "```"
	for strings.Contains(text, ticks) {
		ticks += "`"
	}
	return ticks + tag + "\n" + text + "\n" + ticks
}

// firstExamples returns the first n examples of a task, or all.
func firstExamples(n int, t azr.Task) []azr.Example { return t.Examples[:min(n, len(t.Examples))] }

// comment keeps text inside a Python comment.
func comment(text string) string { return "# " + strings.ReplaceAll(text, "\n", "\n# ") }
