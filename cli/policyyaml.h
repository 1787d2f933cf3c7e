/* Registered domains as the policy file they could have come from: what policyfile_load reads again gives the
 * same. A CA or key that was named by a file is written as the hash it had, with the file as a remark. */
#ifndef CTVIGIL_POLICYYAML_H
#define CTVIGIL_POLICYYAML_H

#include <stdio.h>

#include "model/watch.h"

void policyyaml_write(FILE *out, const struct watch *watches, size_t count);

#endif
