package dist

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// srun tells each process of a job's step its number, how many there are and on which hosts. Rank 0 is on the first of them.
const (
	slurmSize  = "SLURM_STEP_NUM_TASKS" // of a step alone: a batch script by itself has none
	slurmRank  = "SLURM_PROCID"
	slurmLocal = "SLURM_LOCALID"
	slurmHosts = "SLURM_STEP_NODELIST"
	slurmJob   = "SLURM_JOB_ID"
)

// underSlurm gives torchrun's variables for a process that srun has started; nil if it has not, or has started one alone. What
// is set already, as MASTER_ADDR may be, stays.
func underSlurm(lookup func(string) (string, bool)) (func(string) (string, bool), error) {
	size, ok := lookup(slurmSize)
	if !ok || size == "1" {
		return nil, nil
	}
	get := func(name string) string { text, _ := lookup(name); return text }
	host, err := firstHost(get(slurmHosts))
	if err != nil {
		return nil, err
	}
	port := get(portVariable)
	if port == "" {
		job, err := strconv.Atoi(get(slurmJob))
		if err != nil {
			return nil, fmt.Errorf("dist.FromEnvironment: %s is no number; got %q; hint: set %s", slurmJob, get(slurmJob), portVariable)
		}
		port = strconv.Itoa(20000 + job%10000) // the same for all of a job, and another for the next
	}
	set := map[string]string{
		rankVariable: get(slurmRank), sizeVariable: size, localRankVariable: get(slurmLocal),
		hostVariable: cmp.Or(get(hostVariable), host), portVariable: port,
	}
	return func(name string) (string, bool) { text, ok := set[name]; return text, ok }, nil
}

// firstHost is the first of Slurm's list of hosts, such as "gpu[03-06,09],head".
func firstHost(list string) (string, error) {
	name, ranges, several := strings.Cut(list, "[")
	if name, _, more := strings.Cut(name, ","); !several || more {
		if name == "" {
			return "", fmt.Errorf("dist.FromEnvironment: %s names no host; got %q; hint: set %s", slurmHosts, list, hostVariable)
		}
		return name, nil
	}
	inside, after, closed := strings.Cut(ranges, "]")
	if !closed {
		return "", fmt.Errorf("dist.FromEnvironment: %s has a [ without its ]; got %q; hint: set %s", slurmHosts, list, hostVariable)
	}
	first := inside[:strings.IndexAny(inside+",", ",-")]
	suffix, _, _ := strings.Cut(after, ",")
	if strings.Contains(suffix, "[") { // names of two dimensions
		rest, err := firstHost(suffix)
		return name + first + rest, err
	}
	return name + first + suffix, nil
}
