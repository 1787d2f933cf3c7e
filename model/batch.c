#include "model/batch.h"

#include "base/limits.h"

bool batch_init(struct batch *batch, size_t ceiling)
{
    *batch = (struct batch){.magic = BATCH_MAGIC};
    return arena_init(&batch->arena, ceiling);
}

void batch_fini(struct batch *batch)
{
    must(batch->magic == BATCH_MAGIC);
    arena_fini(&batch->arena);
    batch->magic = 0;
}

void batch_reset(struct batch *batch)
{
    must(batch->magic == BATCH_MAGIC);
    arena_reset(&batch->arena, LIMIT_BATCH_KEEP);
    *batch = (struct batch){.magic = BATCH_MAGIC, .arena = batch->arena, .big = batch->big};
}
