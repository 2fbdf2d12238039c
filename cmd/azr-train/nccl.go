package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The variables by which c10d is told what to do when a collective of NCCL fails.
const (
	blockingWaitVariable  = "TORCH_NCCL_BLOCKING_WAIT"
	asyncHandlingVariable = "TORCH_NCCL_ASYNC_ERROR_HANDLING"
	socketVariable        = "NCCL_SOCKET_IFNAME"
)

// ncclFlags are the switches of NCCL that people need where it does not find its way. Without one, what the environment says of it
// holds, as for all of NCCL's other variables; but for what to do on failure, which torchrun sets in all that it starts.
func ncclFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "nccl-p2p-disable", Usage: "have NCCL not copy from GPU to GPU over NVLink or PCIe"},
		&cli.BoolFlag{Name: "nccl-ib-disable", Usage: "have NCCL not use InfiniBand or RoCE"},
		&cli.StringFlag{Name: "nccl-ib-hca", Usage: "have NCCL use the InfiniBand adapters in `LIST`", DefaultText: "all"},
		&cli.StringFlag{Name: "nccl-debug", Usage: "have NCCL print what it does: VERSION, WARN, INFO or TRACE", DefaultText: "nothing"},
		&cli.IntFlag{Name: "nccl-async-error-handling", Usage: "0 waits for collectives on the host, so that errors name a rank; with 1, 2 or 3 (see c10d) kernels queue up behind them, and c10d ends the process"},
	}
}

// passToNCCL sets the variables that NCCL and c10d read when devices are connected.
func passToNCCL(c *cli.Context) error {
	for name, value := range ncclSettings(c) {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// ncclSettings are the variables of NCCL and c10d that the flags stand for.
func ncclSettings(c *cli.Context) map[string]string {
	set := map[string]string{blockingWaitVariable: "1", asyncHandlingVariable: "0"}
	if n := c.Int("nccl-async-error-handling"); n != 0 {
		set = map[string]string{asyncHandlingVariable: fmt.Sprint(n)}
	}
	for flag, variable := range map[string]string{"nccl-p2p-disable": "NCCL_P2P_DISABLE", "nccl-ib-disable": "NCCL_IB_DISABLE"} {
		if c.Bool(flag) {
			set[variable] = "1"
		}
	}
	for flag, variable := range map[string]string{"nccl-ib-hca": "NCCL_IB_HCA", "nccl-debug": "NCCL_DEBUG", "dist-interface": socketVariable} {
		if text := c.String(flag); text != "" && (c.IsSet(flag) && flag != "dist-interface" || os.Getenv(variable) == "") {
			set[variable] = text
		}
	}
	return set
}

// ncclOptions lists what NCCL and c10d are told, by flags and by the environment.
func ncclOptions(c *cli.Context) []string {
	set := ncclSettings(c)
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "NCCL_") || strings.HasPrefix(name, "TORCH_NCCL_") {
			if _, told := set[name]; !told {
				set[name] = value
			}
		}
	}
	var list []string
	for name, value := range set {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}
