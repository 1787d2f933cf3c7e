#include "base/seq.h"

bool seq_init(struct seq *seq, uint64_t next, size_t window)
{
    must(window > 0);
    *seq = (struct seq){.next = next, .window = window};
    seq->waiting = calloc(window, sizeof *seq->waiting);
    return seq->waiting != NULL;
}

void seq_fini(struct seq *seq)
{
    must(seq->count == 0);
    free(seq->waiting);
    seq->waiting = NULL;
}

bool seq_put(struct seq *seq, uint64_t begin, uint64_t end, void *item)
{
    must(begin < end && item != NULL);
    if (seq->count == seq->window || begin < seq->next)
        return false;
    for (size_t i = 0; i < seq->count; i++)
        if (begin < seq->waiting[i].end && seq->waiting[i].begin < end)
            return false;
    seq->waiting[seq->count++] = (struct seq_item){begin, end, item};
    return true;
}

/* Position of the item that begins at next, or count. The window is small, so order is kept by looking. */
static size_t find_next(const struct seq *seq)
{
    size_t i = 0;
    while (i < seq->count && seq->waiting[i].begin != seq->next)
        i++;
    return i;
}

void *seq_take(struct seq *seq, uint64_t *begin, uint64_t *end)
{
    size_t at = find_next(seq);
    if (at == seq->count)
        return NULL;
    struct seq_item found = seq->waiting[at];
    seq->waiting[at] = seq->waiting[--seq->count];
    seq->next = found.end;
    if (begin != NULL)
        *begin = found.begin;
    if (end != NULL)
        *end = found.end;
    return found.item;
}

bool seq_ready(const struct seq *seq)
{
    return find_next(seq) < seq->count;
}

void *seq_drop(struct seq *seq)
{
    return seq->count == 0 ? NULL : seq->waiting[--seq->count].item;
}

void seq_restart(struct seq *seq, uint64_t next)
{
    must(seq->count == 0);
    seq->next = next;
}
