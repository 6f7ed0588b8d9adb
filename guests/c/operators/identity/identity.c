// Passes every record on as it is: what the boundary costs, and nothing else.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("identity"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,            .inputs_n = 1,
      .outputs = OUTPUTS,          .outputs_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  return ms_no_config(setup) ? MS_OK : ms_fatal(ms_text_of("config: this operator takes none"));
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  ms_forward_all(input);
  return MS_OK;
}
