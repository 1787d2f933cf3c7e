/* What the quick reader takes, the other one reads to the same facts and without a finding; and whoever asks
 * parser/tbs.h can not tell which of the two it was. */
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"
#include "tests/fuzz/samecert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)samecert_both_ways(span_of(data, size));
    return 0;
}
