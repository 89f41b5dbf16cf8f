package cluster

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Kubernetes says in what the pods of a submission run. The submission's Out and Cache are slashed paths inside the
// pods, below MountPath.
type Kubernetes struct {
	Image       string
	Program     string // in the image: a path, or a name that its PATH has
	VolumeClaim string // of the volume that all pods share
	MountPath   string // absolute, of that volume in the pods
	Namespace   string // "" for that of kubectl
	CPU         string // of a pod, as Kubernetes reads it: 2 or 500m; "" for no limit
	Memory      string // of a pod, as Kubernetes reads it: 4Gi; "" for no limit
	Parallelism int    // most shards at a time; 0 for all
	Wait        time.Duration
}

const (
	frozenMount  = "/submission" // where pods find the frozen config
	frozenVolume = "submission"
	sharedVolume = "results"

	// retries bounds how often a shard, or the merge, is started again after it failed by itself. Pods that the cluster
	// took away do not count.
	retries = 3

	// graceSeconds is the time between SIGTERM and SIGKILL for a pod that has to go.
	graceSeconds = 60

	// mostConfigMap bounds the bytes of a ConfigMap: https://kubernetes.io/docs/concepts/configuration/configmap/.
	mostConfigMap = 1 << 20

	// mostIndexed bounds the completions of an Indexed Job that has backoffLimitPerIndex:
	// https://kubernetes.io/docs/concepts/workloads/controllers/job/.
	mostIndexed = 100_000
)

// shardShell calls its arguments with the number of the shard, which Kubernetes counts from 0.
const shardShell = `exec "$0" "$@" --shard "$((JOB_COMPLETION_INDEX + 1))/%d"`

var (
	quantity  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)
	dnsLabel  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dnsName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
)

// check refuses what the API server would refuse, and what would not be read as it is meant.
func (k *Kubernetes) check(sub *Submission) error {
	for _, f := range []struct {
		flag, value, allowed string
		pattern              *regexp.Regexp
		optional             bool
	}{
		{"image", k.Image, "the name of an image", imageName, false},
		{"volume-claim", k.VolumeClaim, "the name of a PersistentVolumeClaim: lower-case letters, digits, - and .", dnsName, false},
		{"namespace", k.Namespace, "lower-case letters, digits and -", dnsLabel, true},
		{"cpu", k.CPU, "a quantity, as 2 or 500m", quantity, true},
		{"memory", k.Memory, "a quantity, as 4Gi", quantity, true},
	} {
		if !(f.optional && f.value == "") && !f.pattern.MatchString(f.value) {
			return fmt.Errorf("--%s %q: %s", f.flag, f.value, f.allowed)
		}
	}
	switch {
	case !path.IsAbs(k.MountPath) || path.Clean(k.MountPath) != k.MountPath || k.MountPath == "/" || strings.Contains(k.MountPath, ":") ||
		k.MountPath == frozenMount || strings.HasPrefix(k.MountPath, frozenMount+"/"):
		return fmt.Errorf("--mount-path %q: an absolute path without colon, not %s, where the config is", k.MountPath, frozenMount)
	case !below(sub.Out, k.MountPath) || !below(sub.Cache, k.MountPath):
		return fmt.Errorf("results in %q and cache in %q: both below --mount-path %s, which outlives the pods", sub.Out, sub.Cache, k.MountPath)
	case k.Program == "":
		return errors.New("--program is empty")
	case k.Parallelism < 0 || k.Wait <= 0:
		return fmt.Errorf("--parallelism %d, --wait %s: at least 0 and more than 0s", k.Parallelism, k.Wait)
	case sub.Shards > mostIndexed:
		return fmt.Errorf("--shards %d: at most %d", sub.Shards, mostIndexed)
	}
	return sub.check()
}

// below says whether a path is dir or in it.
func below(p, dir string) bool {
	return p == path.Clean(p) && (p == dir || strings.HasPrefix(p, dir+"/"))
}

// Manifest returns YAML for `kubectl apply`: a ConfigMap with the frozen config, an Indexed Job that does the shards and
// a Job that waits for them and puts them together. The error is an InputError.
func (k *Kubernetes) Manifest(sub *Submission) ([]byte, error) {
	if err := k.check(sub); err != nil {
		return nil, InputError{err}
	}
	frozen, items, err := k.frozen(sub)
	if err != nil {
		return nil, InputError{err}
	}
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	for _, document := range []any{frozen, k.shards(sub, items), k.merge(sub, items)} {
		if err := out.Encode(document); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), out.Close()
}

// name is that of the Job of the shards, and begins those of the others: a DNS label, short enough for -merge and for
// the index that the pods' host names end with.
func (k *Kubernetes) name(sub *Submission) string {
	label := strings.ToLower(strings.ReplaceAll(sub.Name, "_", "-"))
	return strings.TrimRight(label[:min(len(label), 36)], "-") + "-" + sub.shortKey()
}

func (k *Kubernetes) meta(sub *Submission, suffix string) objectMeta {
	return objectMeta{Name: k.name(sub) + suffix, Namespace: k.Namespace,
		Labels: map[string]string{"app.kubernetes.io/name": "windtunnel", "app.kubernetes.io/instance": k.name(sub)}}
}

// frozen holds the files under keys of its own, because a key cannot be any file name; the items give them their paths.
func (k *Kubernetes) frozen(sub *Submission) (*configMap, []keyToPath, error) {
	m := &configMap{APIVersion: "v1", Kind: "ConfigMap", Metadata: k.meta(sub, ""), Immutable: true,
		Data: map[string]string{}, BinaryData: map[string]string{}}
	var items []keyToPath
	size := 0
	for i, file := range slices.Sorted(maps.Keys(sub.Files)) {
		key, content := "file-"+strconv.Itoa(i+1), sub.Files[file]
		size += len(key) + len(content)
		if plain(content) {
			m.Data[key] = string(content)
		} else {
			m.BinaryData[key] = base64.StdEncoding.EncodeToString(content)
		}
		items = append(items, keyToPath{Key: key, Path: file})
	}
	if size > mostConfigMap {
		return nil, nil, fmt.Errorf("the config and its data are %d bytes, and a ConfigMap holds %d: use Slurm, or sample the data", size, mostConfigMap)
	}
	return m, items, nil
}

// plain says whether every reader of YAML gets a text back byte for byte: printable lines, each with its end.
func plain(text []byte) bool {
	if !utf8.Valid(text) || !bytes.HasSuffix(text, []byte("\n")) || bytes.HasSuffix(text, []byte("\n\n")) || text[0] == '\n' || text[0] == ' ' {
		return false
	}
	return !bytes.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
}

// shards is the Job with an index for every shard. Only one pod of an index exists at a time.
func (k *Kubernetes) shards(sub *Submission, items []keyToPath) *job {
	command := []string{"/bin/sh", "-c", fmt.Sprintf(shardShell, sub.Shards),
		k.Program, "run", path.Join(frozenMount, sub.Config), "--out", sub.ShardsDir(), "--cache", sub.Cache}
	j := k.job(sub, "", command, items)
	j.Spec.CompletionMode = "Indexed"
	j.Spec.Completions, j.Spec.Parallelism = sub.Shards, sub.Shards
	if k.Parallelism > 0 {
		j.Spec.Parallelism = min(k.Parallelism, sub.Shards)
	}
	j.Spec.BackoffLimitPerIndex = new(retries)
	j.Spec.PodFailurePolicy = failurePolicy("FailIndex", 2)
	return j
}

// merge is the Job that waits for the shards' folders on the shared volume: a Job cannot depend on another.
func (k *Kubernetes) merge(sub *Submission, items []keyToPath) *job {
	command := append([]string{k.Program}, sub.mergeArgs()...)
	j := k.job(sub, "-merge", append(command, "--wait", k.Wait.String()), items)
	j.Spec.Completions, j.Spec.Parallelism = 1, 1
	j.Spec.BackoffLimit = new(retries)
	j.Spec.PodFailurePolicy = failurePolicy("FailJob", 1, 2)
	return j
}

const containerName = "experiments"

// failurePolicy does not count pods that were preempted, evicted or lost with their node, and does not try again after
// an exit status that another try would have too.
func failurePolicy(action string, final ...int) podFailurePolicy {
	return podFailurePolicy{Rules: []podFailureRule{
		{Action: "Ignore", OnPodConditions: []podCondition{{Type: "DisruptionTarget", Status: "True"}}},
		{Action: action, OnExitCodes: &exitCodes{ContainerName: containerName, Operator: "In", Values: final}},
	}}
}

// job is what both Jobs have in common.
func (k *Kubernetes) job(sub *Submission, suffix string, command []string, items []keyToPath) *job {
	meta := k.meta(sub, suffix)
	c := container{Name: containerName, Image: k.Image, Command: literal(command), Resources: k.resources(),
		VolumeMounts: []volumeMount{{Name: sharedVolume, MountPath: k.MountPath}, {Name: frozenVolume, MountPath: frozenMount, ReadOnly: true}}}
	return &job{APIVersion: "batch/v1", Kind: "Job", Metadata: meta, Spec: jobSpec{
		PodReplacementPolicy: "Failed",
		Template: podTemplate{
			Metadata: objectMeta{Labels: meta.Labels},
			Spec: podSpec{
				RestartPolicy: "Never", TerminationGracePeriodSeconds: graceSeconds, Containers: []container{c},
				Volumes: []volume{
					{Name: sharedVolume, PersistentVolumeClaim: &claimSource{ClaimName: k.VolumeClaim}},
					{Name: frozenVolume, ConfigMap: &configMapSource{Name: k.name(sub), Items: items}},
				},
			},
		},
	}}
}

func (k *Kubernetes) resources() *resources {
	amounts := map[string]string{}
	if k.CPU != "" {
		amounts["cpu"] = k.CPU
	}
	if k.Memory != "" {
		amounts["memory"] = k.Memory
	}
	if len(amounts) == 0 {
		return nil
	}
	return &resources{Requests: amounts, Limits: amounts}
}

// literal doubles the dollar signs: Kubernetes replaces $(NAME) in a command, and reads $$ as $.
func literal(command []string) []string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = strings.ReplaceAll(word, "$", "$$")
	}
	return words
}
