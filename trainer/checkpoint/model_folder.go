package checkpoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/azr-train/azr/torch/safetensors"
	"github.com/azr-train/azr/wholefile"
)

// The companions that say how weights are read: those of a whole model, and adapters to one.
const (
	configName        = "config.json"
	adapterConfigName = "adapter_config.json"
)

// companionNames are the files that go with the weights of a Hugging Face model,
// as far as they exist.
var companionNames = []string{
	configName, "generation_config.json",
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
}

// tensorMetadata is what Hugging Face's loaders expect in every file of weights.
var tensorMetadata = map[string]string{"format": "pt"}

// Companions are the files of a model folder that lie beside its weights, by name:
// config.json, and what there is of the generation config and the tokenizer. With an adapter_config.json in place of
// config.json the weights are adapters.
type Companions map[string][]byte

// mostCompanionBytes bounds each of them.
const mostCompanionBytes = 512 << 20

// ReadCompanions reads them from the folder of the model that a run begins with,
// so that the run does not need the folder any more.
func ReadCompanions(source string) (Companions, error) {
	c := Companions{}
	for _, name := range companionNames {
		content, err := wholefile.Read(filepath.Join(source, name), mostCompanionBytes)
		if errors.Is(err, fs.ErrNotExist) && name != configName {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint.ReadCompanions: %w", err)
		}
		c[name] = content
	}
	return c, nil
}

// beside returns the companions for the weights to be written: the config's
// element type becomes theirs.
func (c Companions) beside(weights []safetensors.Tensor) (Companions, error) {
	config, err := withDType(c[configName], dominantDType(weights))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	changed := maps.Clone(c)
	changed[configName] = config
	return changed, nil
}

// ForAdapters are the companions of adapters to the model, whose config says which model that is. A config.json beside
// it would make loaders look for a whole model.
func (c Companions) ForAdapters(config []byte) Companions {
	changed := maps.Clone(c)
	delete(changed, configName)
	changed[adapterConfigName] = config
	return changed
}

func (c Companions) ofAdapters() bool { return c[adapterConfigName] != nil }

// configDTypes are the names that config.json has for element types of weights.
var configDTypes = map[safetensors.DType]string{
	safetensors.F32: "float32", safetensors.F16: "float16", safetensors.BF16: "bfloat16", safetensors.F64: "float64",
}

// dominantDType is the floating-point type that most of the weights' bytes have, or "".
func dominantDType(weights []safetensors.Tensor) safetensors.DType {
	bytes := map[safetensors.DType]int64{}
	var most safetensors.DType
	for _, w := range weights {
		if configDTypes[w.DType] == "" {
			continue
		}
		n, _ := w.Bytes() // a bad shape is found when the file is laid out
		bytes[w.DType] += n
		if most == "" || bytes[w.DType] > bytes[most] {
			most = w.DType
		}
	}
	return most
}

// withDType returns a config whose element type, where it names one, is dtype.
// Loaders cast weights to that type, so a stale one would lose precision.
func withDType(config []byte, dtype safetensors.DType) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(config, &members); err != nil {
		return nil, err
	}
	want, changed := `"`+configDTypes[dtype]+`"`, false
	for _, key := range []string{"dtype", "torch_dtype"} { // the name since transformers 5 and the one before
		if old, ok := members[key]; ok && dtype != "" && string(old) != want {
			members[key], changed = json.RawMessage(want), true
		}
	}
	if !changed {
		return config, nil
	}
	return encodeJSON(members)
}

// index is the content of model.safetensors.index.json.
type index struct {
	Metadata  map[string]int64  `json:"metadata"`
	WeightMap map[string]string `json:"weight_map"`
}

// shard divides weights, by name, into files of at most limit bytes of data (or a
// single tensor). The index is nil where one file is enough.
func shard(weights []safetensors.Tensor, limit int64) (map[string][]safetensors.Tensor, *index, error) {
	weights = slices.SortedFunc(slices.Values(weights), func(a, b safetensors.Tensor) int { return cmp.Compare(a.Name, b.Name) })
	shards := [][]safetensors.Tensor{nil}
	var total, used int64
	for _, w := range weights {
		size, err := w.Bytes()
		if err != nil {
			return nil, nil, err
		}
		if last := len(shards) - 1; used+size <= limit || len(shards[last]) == 0 {
			shards[last] = append(shards[last], w)
			used += size
		} else {
			shards = append(shards, []safetensors.Tensor{w})
			used = size
		}
		total += size
	}
	if len(shards) == 1 {
		return map[string][]safetensors.Tensor{safetensors.SingleName: shards[0]}, nil, nil
	}
	files := map[string][]safetensors.Tensor{}
	x := &index{map[string]int64{"total_size": total}, map[string]string{}}
	for i, tensors := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		files[name] = tensors
		for _, t := range tensors {
			x.WeightMap[t.Name] = name
		}
	}
	return files, x, nil
}
