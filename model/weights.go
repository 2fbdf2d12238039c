package model

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

// Parameter is a weight under its Hugging Face name.
type Parameter struct {
	Name  string
	Shape []int64
	Var   *torch.Var
}

// weight is where a parameter goes while the decoder is put together.
type weight struct {
	name  string
	shape []int64
	into  **torch.Var
}

// The two weights that a config may tie.
const (
	embeddingName = "model.embed_tokens.weight"
	headName      = "lm_head.weight"
)

// weights lists every parameter of d but those of adapters: name, shape and place.
func (d *Decoder) weights() []weight {
	c := d.Config
	hidden, vocab, head := int64(c.HiddenSize), int64(c.VocabSize), int64(c.HeadDim)
	list := []weight{{embeddingName, []int64{vocab, hidden}, &d.Embedding}}
	for i := range d.layers {
		l, places := &d.layers[i], d.projections(i)
		add := func(name string, into **torch.Var, shape ...int64) {
			list = append(list, weight{fmt.Sprintf("%s%d.%s", layers, i, name), shape, into})
		}
		matrices := func(places []place) {
			for _, p := range places {
				add(p.name+".weight", &p.weight, p.out, p.in)
			}
		}
		add("input_layernorm.weight", &l.inputNorm, hidden)
		matrices(places[:attentionPlaces])
		add("post_attention_layernorm.weight", &l.postNorm, hidden)
		matrices(places[attentionPlaces:])
		for _, p := range places {
			if p.biased {
				add(p.name+".bias", &p.bias, p.out)
			}
		}
		if c.layout.QKNorm {
			add("self_attn.q_norm.weight", &l.qNorm, head)
			add("self_attn.k_norm.weight", &l.kNorm, head)
		}
	}
	list = append(list, weight{"model.norm.weight", []int64{hidden}, &d.Norm})
	if !c.TieWordEmbeddings {
		list = append(list, weight{headName, []int64{vocab, hidden}, &d.Head})
	}
	return list
}

// Parameters lists the decoder's weights; a tied head is the embedding and listed once.
func (d *Decoder) Parameters() []Parameter {
	var list []Parameter
	for _, w := range d.weights() {
		list = append(list, Parameter{w.name, w.shape, *w.into})
	}
	return list
}

// Tensors lists the weights as a safetensors file takes them: under their Hugging Face names, in the
// decoder's dtype, each copied out of the device only when it is written.
func (d *Decoder) Tensors() []safetensors.Tensor {
	var list []safetensors.Tensor
	for _, p := range d.Parameters() {
		list = append(list, Stored(p.Name, p.Var, p.Shape))
	}
	return list
}

// Stored is v as a safetensors file takes it.
func Stored(name string, v *torch.Var, shape []int64) safetensors.Tensor {
	dtype := safetensors.DType(strings.ToUpper(v.DType().String()))
	return safetensors.Tensor{Name: name, DType: dtype, Shape: shape, Data: func() (data []byte, err error) {
		defer torch.Catch(&err)
		return v.View(), nil
	}}
}

// Load reads a Hugging Face folder (config.json, one or many safetensors files of f32, bf16 or f16)
// and keeps the weights as dtype on device; of a folder of adapters it reads the model that they belong to and
// gives it the adapters. Missing, surplus or misshapen weights are errors that name the weight.
func Load(dir string, dtype torch.DType, device torch.Device) (*Decoder, error) {
	adapters, err := readAdapterConfig(dir)
	if err != nil {
		return nil, err
	}
	base, err := adapters.base(dir)
	if err != nil {
		return nil, err
	}
	d, err := loadWhole(base, dtype, device)
	if err != nil || adapters == nil {
		return d, err
	}
	if err := d.readAdapters(dir, adapters); err != nil {
		d.Free()
		return nil, err
	}
	return d, nil
}

// loadWhole reads a folder with all weights.
func loadWhole(dir string, dtype torch.DType, device torch.Device) (d *Decoder, err error) {
	config, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	files, err := safetensors.OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	loaded := newDecoder(config, dtype, device)
	defer func() {
		if err != nil {
			loaded.Free()
		}
	}()
	defer func() {
		if torch.IsOutOfMemory(err) {
			err = fmt.Errorf("model.Load: out of memory for the weights of %s: %w", dir, err)
		}
	}()
	defer torch.Catch(&err)
	if err := loaded.checkNames(files); err != nil {
		return nil, err
	}
	for _, w := range loaded.weights() {
		if *w.into, err = read(dir, files, w, dtype, device); err != nil {
			return nil, err
		}
	}
	if config.TieWordEmbeddings {
		if err = checkTied(files); err != nil {
			return nil, err
		}
		loaded.Head = loaded.Embedding
	}
	return loaded, nil
}

// checkTied refuses files with a head of its own for a config that ties it: which of the two was meant is unknown.
func checkTied(files *safetensors.Folder) error {
	head, found := files.Lookup(headName)
	if !found {
		return nil
	}
	embedding, _ := files.Lookup(embeddingName)
	if !slices.Equal(head.Shape, embedding.Shape) {
		return fmt.Errorf("model.Load: misshapen weight %s; got %v, want %v as %s, to which config.json ties it", headName, head.Shape, embedding.Shape, embeddingName)
	}
	values := [2][]byte{}
	for i, name := range []string{headName, embeddingName} {
		var err error
		if values[i], err = files.Read(name); err != nil {
			return err
		}
	}
	if head.DType != embedding.DType || !bytes.Equal(values[0], values[1]) {
		return fmt.Errorf("model.Load: surplus weight %s; got other values than %s, to which config.json ties it; hint: if the head is its own, set tie_word_embeddings to false", headName, embeddingName)
	}
	return nil
}

// checkNames compares the files' weights with those wanted, before any is read.
func (d *Decoder) checkNames(files *safetensors.Folder) error {
	wanted := map[string][]int64{}
	for _, w := range d.weights() {
		wanted[w.name] = w.shape
	}
	found := map[string]bool{}
	for _, info := range files.Tensors() {
		shape, ok := wanted[info.Name]
		found[info.Name] = true
		switch {
		case !ok && d.ignores(info.Name):
		case !ok:
			return fmt.Errorf("model.Load: surplus weight; got %s %v, want no weight of that name", info.Name, info.Shape)
		case !slices.Equal(shape, info.Shape):
			return fmt.Errorf("model.Load: misshapen weight %s; got %v, want %v", info.Name, info.Shape, shape)
		}
	}
	for _, w := range d.weights() {
		if !found[w.name] {
			return fmt.Errorf("model.Load: missing weight; got none, want %s %v", w.name, w.shape)
		}
	}
	return nil
}

// ignores tells of weights that files may hold for nothing: tables of older writers and a tied head.
func (d *Decoder) ignores(name string) bool {
	return strings.HasSuffix(name, ".rotary_emb.inv_freq") || name == headName && d.Config.TieWordEmbeddings
}

func read(dir string, files source, w weight, dtype torch.DType, device torch.Device) (*torch.Var, error) {
	info, _ := files.Lookup(w.name)
	stored, err := torch.ParseDType(string(info.DType))
	if err != nil || stored > torch.F16 {
		return nil, fmt.Errorf("model.Load: unsupported dtype of %s; got %s, want F32, BF16 or F16", w.name, info.DType)
	}
	data, err := files.Read(w.name)
	if err != nil {
		return nil, err
	}
	s := torch.NewScope()
	defer s.Close()
	values := s.FromBytes(data, stored, torch.CPU, w.shape...).To(dtype, device)
	if sum := values.SumAll().To(torch.F32, device).Item(); math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("model.Load: weight %s is not finite; got NaN or infinity in %s, want numbers; hint: the file is corrupt, fetch it again", w.name, dir)
	}
	return values.Keep(), nil
}
