package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
)

// deviceFacts is what is known of a CUDA device: its memory in bytes.
type deviceFacts struct {
	card        torch.Card // none without the plugin
	free, total int64
}

func ofDevice(d torch.Device) (f deviceFacts, err error) {
	f.card, _ = torch.DescribeCard(d)
	f.free, f.total, err = torch.DeviceMemory(d)
	return f, err
}

// oldest are the oldest driver and card that the pinned libtorch works with: its CUDA is 13.
const oldest = "driver 580 or later and a card of compute capability 7.5 or later (Turing); for bf16 and flash attention 8.0 (Ampere)"

func cudaFinding(t torch.CUDARuntime, facts func(torch.Device) (deviceFacts, error)) finding {
	f := finding{What: "cuda", Costs: "everything runs on the CPU, at a small part of a GPU's rate"}
	switch {
	case t.Devices > 0:
		return devicesFinding(t, facts)
	case t.Error != "":
		f.Found, f.Hint = "the CUDA library cannot be opened: "+t.Error, "make cuda, in this version of azr-train, or what the line names"
	case !t.Plugin:
		f.Found, f.Hint = "no plugin", "on a machine with an NVIDIA GPU, make cuda (2.1 GB to fetch; docs/native.md)"
	case t.Driver == 0:
		f.Found, f.Hint = fmt.Sprintf("plugin for CUDA %s, but no NVIDIA driver", t.Runtime), oldest
	case t.OldDriver():
		f.Found, f.Hint = fmt.Sprintf("plugin for CUDA %s, but the NVIDIA driver only does CUDA %s", t.Runtime, t.Driver), oldest
	default:
		f.Found, f.Hint = fmt.Sprintf("plugin for CUDA %s and a driver for CUDA %s, but no device", t.Runtime, t.Driver), "nvidia-smi lists what the driver sees, and CUDA_VISIBLE_DEVICES hides some of it"
	}
	return f
}

// devicesFinding lists the devices; what does not fit on the largest does not fit.
func devicesFinding(t torch.CUDARuntime, facts func(torch.Device) (deviceFacts, error)) finding {
	f := finding{What: "cuda"}
	var found, costs, hints []string
	most := int64(0)
	for i := range t.Devices {
		text := torch.CUDA(i).String()
		if d, err := facts(torch.CUDA(i)); err == nil {
			if d.card.Name != "" {
				text += fmt.Sprintf(", %s of compute capability %s,", d.card.Name, d.card.Capability)
				if d.card.Major < 8 {
					costs, hints = append(costs, torch.CUDA(i).String()+" is slow in bf16: training is in f32"), append(hints, oldest)
				}
				if len(t.Architectures) > 0 && !d.card.Runs(t.Architectures) {
					costs, hints = append(costs, torch.CUDA(i).String()+" cannot be used, this libtorch has no kernels for it"), append(hints, oldest)
				}
			}
			text += fmt.Sprintf(" with %s GB, %s GB of it free", gigabytes(d.total), gigabytes(d.free))
			most = max(most, d.free)
		}
		found = append(found, text)
	}
	if t.Plugin {
		found = append(found, fmt.Sprintf("CUDA %s, driver for %s", t.Runtime, t.Driver))
	}
	if t.Devices > 1 {
		costs, hints = append(costs, "a process uses one device, the others idle"), append(hints, "azr-train launch --gpus 0,1 -- run ..., or device chooses, for example --set device=cuda:1")
	}
	if presets := needing(most, peakOf); presets != "" && most > 0 {
		costs, hints = append(costs, "these presets do not fit: "+presets), append(hints, "azr-train fit --config PRESET tells what would")
	}
	f.Found, f.Costs, f.Hint = strings.Join(found, "; "), strings.Join(costs, "; "), strings.Join(hints, "; ")
	return f
}

// ranksFinding opens a group of one rank, as a run on several machines would, and has it add a number up.
func ranksFinding(networkInterface string) finding {
	const what = "ranks"
	fails := func(err error) finding {
		return finding{
			What: what, Found: "gloo does not work here: " + err.Error(), Costs: "a run has one process",
			Hint: "name a network interface that is up, as --dist-interface does: " + interfaceVariable + "=lo azr-train doctor",
		}
	}
	port, err := freePort()
	if err != nil {
		return fails(err)
	}
	g, err := dist.Open(dist.Membership{Size: 1, Host: "127.0.0.1", Port: port, Interface: networkInterface, Timeout: 10 * time.Second})
	if err != nil {
		return fails(err)
	}
	defer g.Close()
	s := torch.NewScope()
	defer s.Close()
	one := s.FromFloat32s([]float32{1}, torch.CPU)
	if err := g.AllReduce(one, dist.Sum).Wait(); err != nil {
		return fails(err)
	}
	return finding{What: what, Found: "gloo over " + cmp.Or(networkInterface, "the interface of the host's name")}
}

// ncclFinding tells what NCCL would be told; it is tried by a run with GPUs alone.
func ncclFinding(t torch.CUDARuntime, timeout time.Duration, options []string) finding {
	f := finding{What: "nccl", Found: "none: it comes with the CUDA plugin"}
	if t.Plugin {
		f.Found = "NCCL " + t.NCCL.String()
	}
	f.Found += fmt.Sprintf("; a run of several ranks has timeout %v, %s", timeout, strings.Join(options, ", "))
	return f
}
