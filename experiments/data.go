package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// dataText tells where models and preference data are to be had. Hashes are SHA-256.
const dataText = `In this project, under configs/data:
  stories260K.bin  a language model of 260,032 parameters, pretrained on TinyStories; llama2.c checkpoint, version 0. MIT
    b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696
  tok512.bin       its tokenizer of 512 pieces. MIT
    037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312
  stories_prompts.jsonl  the beginnings of 250 stories of TinyStories (Eldan and Li 2023, arXiv 2305.07759). CDLA-Sharing-1.0
    8af060cfb7f96bf92b05a34daa35da088842ca841665a4166ef6a179bef7567c

More prompts: a file of lines {"prompt": "Once upon a time"}; beginnings of stories from roneneldan/TinyStories on Hugging Face
  are what these models know.

Larger models: any llama2.c checkpoint works by its path. On Hugging Face, karpathy/tinyllamas has stories15M.bin,
  stories42M.bin and stories110M.bin (MIT); they take llama2.c's tokenizer.bin of 32,000 pieces. llama2.c's export.py, with
  version 0, makes a checkpoint of a model of the Llama architecture. The format holds neither the base of rotary positions nor
  the epsilon of norms, and no biases: check in the model's config.json that rope_theta is 10000, rope_scaling null, rms_norm_eps
  1e-5 and attention_bias false (stories models, Llama 2, TinyLlama). export.py does not look, and others, such as
  Llama 3 or Qwen, come out as models that run and are wrong.

Human preference pairs (by path; their text can be offensive and is no part of this project):
  anthropics/hh-rlhf, harmless-base, test split: 2,312 pairs of whole dialogues {chosen, rejected}. MIT
    hh_harmless-base_test.jsonl.gz
    ebfaaed21162a4de120ae85366075b34425e2a6303fac59b99555002f7016f03
  the chat fine-tuning format {input, preferred_output, non_preferred_output}, as in Orca's DPO pairs
  {prompt, chosen, rejected} texts, as TRL writes them

Look at what a model says of pairs with: experiments score FILE. Train on them:
  experiments configs/lm_hh.yaml --set preferences.path=FILE
`

func newData(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:     "data",
		Short:   "Tell where language models and preference data are to be had",
		Long:    "Lists the models and data that come with this project, and where larger ones are to be had, with licences and hashes.",
		Example: "  experiments data",
		Args:    atMost(0, "none"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(stdout, dataText)
			return err
		},
	}
}
