package cluster

// The parts of the Kubernetes API that the manifests use, named as there: batch/v1 Job and v1 ConfigMap. The reference
// is https://kubernetes.io/docs/reference/kubernetes-api/.

type objectMeta struct {
	Name      string            `yaml:"name,omitempty"`
	Namespace string            `yaml:"namespace,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty"`
}

type configMap struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   objectMeta        `yaml:"metadata"`
	Immutable  bool              `yaml:"immutable"`
	Data       map[string]string `yaml:"data,omitempty"`
	BinaryData map[string]string `yaml:"binaryData,omitempty"` // base64
}

type job struct {
	APIVersion string     `yaml:"apiVersion"`
	Kind       string     `yaml:"kind"`
	Metadata   objectMeta `yaml:"metadata"`
	Spec       jobSpec    `yaml:"spec"`
}

type jobSpec struct {
	CompletionMode       string           `yaml:"completionMode,omitempty"`
	Completions          int              `yaml:"completions"`
	Parallelism          int              `yaml:"parallelism"`
	BackoffLimit         *int             `yaml:"backoffLimit,omitempty"`
	BackoffLimitPerIndex *int             `yaml:"backoffLimitPerIndex,omitempty"`
	PodReplacementPolicy string           `yaml:"podReplacementPolicy"`
	PodFailurePolicy     podFailurePolicy `yaml:"podFailurePolicy"`
	Template             podTemplate      `yaml:"template"`
}

type podFailurePolicy struct {
	Rules []podFailureRule `yaml:"rules"`
}

type podFailureRule struct {
	Action          string         `yaml:"action"`
	OnPodConditions []podCondition `yaml:"onPodConditions,omitempty"`
	OnExitCodes     *exitCodes     `yaml:"onExitCodes,omitempty"`
}

type podCondition struct {
	Type   string `yaml:"type"`
	Status string `yaml:"status"`
}

type exitCodes struct {
	ContainerName string `yaml:"containerName"`
	Operator      string `yaml:"operator"`
	Values        []int  `yaml:"values"`
}

type podTemplate struct {
	Metadata objectMeta `yaml:"metadata"`
	Spec     podSpec    `yaml:"spec"`
}

type podSpec struct {
	RestartPolicy                 string      `yaml:"restartPolicy"`
	AutomountServiceAccountToken  bool        `yaml:"automountServiceAccountToken"`
	TerminationGracePeriodSeconds int         `yaml:"terminationGracePeriodSeconds"`
	Containers                    []container `yaml:"containers"`
	Volumes                       []volume    `yaml:"volumes"`
}

type container struct {
	Name         string        `yaml:"name"`
	Image        string        `yaml:"image"`
	Command      []string      `yaml:"command"`
	Resources    *resources    `yaml:"resources,omitempty"`
	VolumeMounts []volumeMount `yaml:"volumeMounts"`
}

type resources struct {
	Requests map[string]string `yaml:"requests"`
	Limits   map[string]string `yaml:"limits"`
}

type volumeMount struct {
	Name      string `yaml:"name"`
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}

type volume struct {
	Name                  string           `yaml:"name"`
	PersistentVolumeClaim *claimSource     `yaml:"persistentVolumeClaim,omitempty"`
	ConfigMap             *configMapSource `yaml:"configMap,omitempty"`
}

type claimSource struct {
	ClaimName string `yaml:"claimName"`
}

type configMapSource struct {
	Name  string      `yaml:"name"`
	Items []keyToPath `yaml:"items"`
}

type keyToPath struct {
	Key  string `yaml:"key"`
	Path string `yaml:"path"`
}
