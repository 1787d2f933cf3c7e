/* Files of root programs: whatever the bytes are, nothing is read beyond them, every rule that comes out can
 * be stored, and a graph can be built of it. */
#include <stdlib.h>

#include "trust/caform.h"
#include "trust/cagraph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catake *take = catake_new();
    struct cagraph_plan *plan = cagraph_plan_new();
    uint8_t *bytes = malloc(size + 1);
    must(bytes != NULL);
    if (size != 0)
        memcpy(bytes, data, size);
    caform_read("fuzzed", bytes, size, 0, take);
    must(take->file_count == 1 && strlen(take->file[0].form) < CATAKE_NAME_MAX);
    for (size_t i = 0; i < take->rule_count; i++) {
        const struct carule *rule = &take->rule[i].rule;
        must(take->rule[i].part < take->part_count && rule->store <= VERDICT_STORES);
        must((unsigned)rule->kind < CARULE_KINDS && (unsigned)rule->target < CARULE_TARGETS &&
             (unsigned)rule->class < CARULE_CLASSES);
        cagraph_plan_rule(plan, rule);
    }
    for (size_t i = 0; i < take->cert_count; i++)
        cagraph_plan_cert(plan, &take->cert[i].facts);
    for (size_t i = 0; i < take->edge_count; i++)
        cagraph_plan_edge(plan, take->edge[i].child, take->edge[i].parent);
    cagraph_unpin(cagraph_new(plan, 0, 0, 0));
    catake_free(take);
    free(bytes);
    return 0;
}
