#include "model/verdict.h"

#include <strings.h>

static const char *const store_names[VERDICT_STORES] = {"mozilla", "chrome", "apple", "microsoft"};
static const char *const store_titles[VERDICT_STORES] = {"Mozilla", "Chrome", "Apple", "Microsoft"};
static const char *const names[VERDICT_COUNT] = {"unknown",    "trusted", "trusted_if_sct",
                                                 "distrusted", "retired", "untrusted"};

static const struct {
    const char *name;
    const char *sentence;
} whys[VERDICT_WHY_COUNT] = {
    {"path", "there is a path that can be used"},
    {"unresolved", "the certificate of the issuer, or of a CA above it, is not known yet"},
    {"no_path", "no path leads to a root of this store"},
    {"blocked", "the store blocks a key or certificate on the way to a root"},
    {"removed", "the store took the root out"},
    {"not_before", "it begins after the last day that the store accepts for this root"},
    {"sct", "it was logged after the last moment that the store accepts for this root"},
    {"names", "it has a name outside those that its CA may issue for"},
    {"constraints", "purpose or path length of a CA certificate forbid it"},
    {"expired", "a CA certificate on the way to a root was not valid at that time"},
};

static const char *const flag_names[] = {
    "blocked_key",          "distrusted_after",   "distrusted_lineage", "single_store", "test_root",
    "constraint_violation", "unknown_issuer_key", "backdated",          "partial",      "cut_off"};

const char *verdict_name(enum verdict verdict)
{
    must((unsigned)verdict < VERDICT_COUNT);
    return names[verdict];
}

const char *verdict_store_name(enum verdict_store store)
{
    must((unsigned)store < VERDICT_STORES);
    return store_names[store];
}

const char *verdict_store_title(enum verdict_store store)
{
    must((unsigned)store < VERDICT_STORES);
    return store_titles[store];
}

bool verdict_store_of(const char *name, enum verdict_store *store)
{
    for (int i = 0; i < VERDICT_STORES; i++) {
        if (strcasecmp(name, store_names[i]) != 0)
            continue;
        *store = (enum verdict_store)i;
        return true;
    }
    return false;
}

const char *verdict_why_name(enum verdict_why why)
{
    must((unsigned)why < VERDICT_WHY_COUNT);
    return whys[why].name;
}

const char *verdict_why_sentence(enum verdict_why why)
{
    must((unsigned)why < VERDICT_WHY_COUNT);
    return whys[why].sentence;
}

const char *verdict_flag_name(uint32_t flag)
{
    must(flag != 0 && (flag & (flag - 1)) == 0);
    unsigned bit = (unsigned)__builtin_ctz(flag);
    must(bit < countof(flag_names));
    return flag_names[bit];
}

bool verdict_good(enum verdict verdict)
{
    return verdict == VERDICT_TRUSTED || verdict == VERDICT_TRUSTED_IF_SCT;
}

int verdict_good_count(const struct verdict_all *all)
{
    int count = 0;
    for (int i = 0; i < VERDICT_STORES; i++)
        count += verdict_good(all->store[i].verdict);
    return count;
}

bool verdict_any_unknown(const struct verdict_all *all)
{
    for (int i = 0; i < VERDICT_STORES; i++)
        if (all->store[i].verdict == VERDICT_UNKNOWN)
            return true;
    return false;
}
