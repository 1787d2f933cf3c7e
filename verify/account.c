#include "verify/account.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/merkle.h"
#include "verify/sth.h"

static const struct {
    const char *word;
    const char *sentence;
    enum account_weight weight;
} account_rows[] = {
#define X(name, word, weight, sentence) {word, sentence, ACCOUNT_##weight},
#include "verify/account.def"
#undef X
};

const char *account_word(enum account_what what)
{
    must((size_t)what < countof(account_rows));
    return account_rows[what].word;
}

const char *account_sentence(enum account_what what)
{
    must((size_t)what < countof(account_rows));
    return account_rows[what].sentence;
}

enum account_weight account_weight(enum account_what what)
{
    must((size_t)what < countof(account_rows));
    return account_rows[what].weight;
}

const char *account_weight_word(enum account_weight weight)
{
    static const char *const words[] = {"note", "claim", "shown", "served", "signed", "broken"};

    must((size_t)weight < countof(words));
    return words[weight];
}

static void add(struct account_report *report, enum account_what what, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void add(struct account_report *report, enum account_what what, const char *fmt, ...)
{
    enum account_weight weight = account_weight(what);
    struct account_finding *finding;
    va_list args;

    must(report->count < ACCOUNT_FINDINGS_MAX);
    finding = &report->finding[report->count++];
    finding->what = what;
    va_start(args, fmt);
    (void)vsnprintf(finding->text, sizeof finding->text, fmt, args);
    va_end(args);
    if (weight >= ACCOUNT_SERVED && weight > report->gravest)
        report->gravest = weight;
}

static const char *hex(const uint8_t hash[32], char out[65])
{
    return text_hex(span_of(hash, 32), out);
}

/* Heads ------------------------------------------------------------------------------------------ */

static bool is_signed(const struct account *account, const struct account_head *head)
{
    struct head found;

    if (head->is_note)
        return checkpoint_verify(&account->log, head->said.raw, &found, NULL) == ERR_OK;
    return sth_verify(&account->log, head->said.size, head->said.timestamp_ms, head->said.root,
                      head->signature, &found, NULL) == ERR_OK;
}

/* True when the head is one that the log signed. */
static bool head_check(const struct account *account, const struct account_head *head, bool wrong,
                       struct account_report *report)
{
    char root[65];
    char when[TEXT_TIME_MAX];

    if (!head->stated)
        return false;
    (void)hex(head->root, root);
    if (!head->has_bytes) {
        add(report, ACCOUNT_IS_HEAD_UNSIGNED, "tree of %" PRIu64 " entries, root %s", head->size, root);
        return false;
    }
    if (!head->readable) {
        add(report, ACCOUNT_IS_HEAD_UNREADABLE, "tree of %" PRIu64 " entries, root %s", head->size, root);
        return false;
    }
    if (head->said.size != head->size || memcmp(head->said.root, head->root, 32) != 0) {
        add(report, ACCOUNT_IS_HEAD_OTHER, "tree of %" PRIu64 " entries, root %s", head->size, root);
        return false;
    }
    bool good = is_signed(account, head);
    enum account_what what = wrong  ? good ? ACCOUNT_IS_GOOD_SIGNATURE : ACCOUNT_IS_BAD_SIGNATURE
                             : good ? ACCOUNT_IS_HEAD_SIGNED
                                    : ACCOUNT_IS_HEAD_FORGED;
    add(report, what, "tree of %" PRIu64 " entries, root %s, time %s", head->size, root,
        text_time(head->said.timestamp_ms, true, when));
    return good;
}

/* Two heads -------------------------------------------------------------------------------------- */

static void fork_check(const struct account_head *one, const struct account_head *two,
                       struct account_report *report)
{
    if (one->size == two->size && memcmp(one->root, two->root, 32) != 0)
        add(report, ACCOUNT_IS_FORK, "%" PRIu64 " entries", one->size);
}

/* A root that nobody signed, and that the log proved to be that of the beginning of a tree that it signed. */
static bool is_part(const struct account *account, bool tree_signed)
{
    const struct account_proof *proof = &account->proof;

    return tree_signed && proof->present && proof->proven && proof->size == account->head.size &&
           memcmp(proof->root, account->head.root, 32) == 0 && account->other.size == proof->tree_size &&
           memcmp(account->other.root, proof->tree_root, 32) == 0;
}

/* The proof is about the smaller head; the larger tree is signed or not. */
static void proof_check(const struct account *account, bool tree_signed, struct account_report *report)
{
    const struct account_proof *proof = &account->proof;
    bool same;

    if (!proof->present)
        return;
    if (!proof->proven || proof->size != account->head.size) {
        add(report, ACCOUNT_IS_PROOF_USELESS, "%" PRIu64 " and %" PRIu64 " entries", proof->size,
            proof->tree_size);
        return;
    }
    same = memcmp(proof->root, account->head.root, 32) == 0;
    tree_signed = tree_signed && account->other.size == proof->tree_size &&
                  memcmp(account->other.root, proof->tree_root, 32) == 0;
    add(report,
        same          ? ACCOUNT_IS_PREFIX_FITS
        : tree_signed ? ACCOUNT_IS_PREFIX_OTHER
                      : ACCOUNT_IS_PREFIX_OTHER_WORD,
        "%" PRIu64 " and %" PRIu64 " entries", proof->size, proof->tree_size);
}

/* Nodes need nobody's word: no others give the signed root of the larger tree. */
static void path_check(const struct account *account, bool head_signed, bool tree_signed,
                       struct account_report *report)
{
    uint64_t size = account->other.size;
    struct compact tree = account->path_begin;
    uint8_t root[32];
    uint8_t begin[32];
    size_t count = 0;

    if (!account->has_path)
        return;
    bool leads = tree.size == account->head.size && account->other.stated && tree.size < size;
    merkle_root(&tree, begin);
    for (; leads && tree.size < size && count < account->path_count; count++)
        merkle_append_tree(&tree, account->path[count], merkle_span_height(tree.size, size));
    merkle_root(&tree, root);
    leads = leads && tree.size == size && count == account->path_count &&
            memcmp(root, account->other.root, 32) == 0;
    bool same = memcmp(begin, account->head.root, 32) == 0;
    add(report,
        !leads                       ? ACCOUNT_IS_PATH_USELESS
        : same                       ? ACCOUNT_IS_PREFIX_FITS
        : head_signed && tree_signed ? ACCOUNT_IS_PATH_OTHER
                                     : ACCOUNT_IS_PATH_OTHER_WORD,
        "%" PRIu64 " and %" PRIu64 " entries", account->head.size, size);
}

/* Does the head that does not fit begin with the last one that did? */
static void since_check(const struct account *account, bool base_signed, struct account_report *report)
{
    const struct account_proof *since = &account->since;
    bool same;

    if (!since->present)
        return;
    same = memcmp(since->root, account->base.root, 32) == 0;
    add(report,
        !since->proven || !base_signed || since->size != account->base.size ? ACCOUNT_IS_SINCE_USELESS
        : same                                                              ? ACCOUNT_IS_SINCE_FITS
                                                                            : ACCOUNT_IS_SINCE_OTHER,
        "%" PRIu64 " and %" PRIu64 " entries", since->size, since->tree_size);
}

/* Entries ---------------------------------------------------------------------------------------- */

static void base_check(const struct account *account, bool base_signed, struct account_report *report)
{
    uint8_t root[32];

    if (account->frontier.size == 0) {
        add(report, ACCOUNT_IS_BASE_EMPTY, "entry 0");
        return;
    }
    merkle_root(&account->frontier, root);
    if (!account->base.stated || account->base.size != account->frontier.size)
        add(report, ACCOUNT_IS_BASE_CLAIMED, "%" PRIu64 " entries", account->frontier.size);
    else if (memcmp(account->base.root, root, 32) != 0)
        add(report, ACCOUNT_IS_BASE_OTHER, "%" PRIu64 " entries", account->frontier.size);
    else
        add(report, base_signed ? ACCOUNT_IS_BASE_SIGNED : ACCOUNT_IS_BASE_CLAIMED, "%" PRIu64 " entries",
            account->frontier.size);
}

/* Do the hashes of the tile of level 0 lead from the frontier to the signed head? If so the frontier needs
 * nobody's word either. */
static bool tile_leads(const struct account *account)
{
    struct compact tree = account->frontier;
    uint8_t hash[ACCOUNT_TILE_WIDTH][32];
    uint8_t root[32];

    if (!account->has_frontier || tree.size != account->leaf_begin ||
        account->leaf_begin + account->leaf_count != account->head.size)
        return false;
    memcpy(hash, account->tile_leaves.at, 32 * account->leaf_count);
    merkle_append_many(&tree, hash, account->leaf_count);
    merkle_root(&tree, root);
    return memcmp(root, account->head.root, 32) == 0;
}

/* A part of a data tile, entry by entry. */
static void tile_leaves_check(const struct account *account, bool head_signed, struct account_report *report)
{
    size_t count = account->leaf_count;
    size_t differ = 0;
    size_t first = 0;

    must(count <= ACCOUNT_TILE_WIDTH && account->tile_leaves.len == 32 * count);
    for (size_t i = count; i-- > 0;) {
        if (memcmp(account->leaf_hash[i], account->tile_leaves.at + 32 * i, 32) == 0)
            continue;
        differ++;
        first = i;
    }
    if (differ == 0) {
        add(report, ACCOUNT_IS_TILE_LEAVES_FIT, "%zu entries", count);
        return;
    }
    add(report, ACCOUNT_IS_TILE_LEAVES_OTHER,
        "%zu of entries %" PRIu64 " to %" PRIu64 ", the first one %" PRIu64, differ, account->leaf_begin,
        account->leaf_begin + count - 1, account->leaf_begin + first);
    add(report, head_signed && tile_leads(account) ? ACCOUNT_IS_TILE_SIGNED : ACCOUNT_IS_TILE_UNSIGNED,
        "entries %" PRIu64 " to %" PRIu64, account->leaf_begin, account->leaf_begin + count - 1);
}

/* The data tile that the leaves are, against its node. */
static void tile_check(const struct account *account, bool head_signed, struct account_report *report)
{
    struct compact tile = {.size = 0};
    uint8_t hash[ACCOUNT_TILE_WIDTH][32];
    char root[65];
    bool whole = account->has_leaves && account->leaf_count == ACCOUNT_TILE_WIDTH &&
                 account->leaf_begin % ACCOUNT_TILE_WIDTH == 0;

    if (!account->tile_wrong)
        return;
    if (account->has_leaves && account->tile_leaves.len != 0) {
        tile_leaves_check(account, head_signed, report);
        return;
    }
    if (!whole || !account->has_node) {
        add(report, ACCOUNT_IS_TILE_ABSENT, "%zu entries", account->leaf_count);
        return;
    }
    memcpy(hash, account->leaf_hash, sizeof hash);
    merkle_append_many(&tile, hash, ACCOUNT_TILE_WIDTH);
    merkle_root(&tile, hash[0]);
    add(report, memcmp(hash[0], account->node, 32) == 0 ? ACCOUNT_IS_TILE_FITS : ACCOUNT_IS_TILE_OTHER,
        "entries %" PRIu64 " to %" PRIu64 ", computed %s", account->leaf_begin,
        account->leaf_begin + ACCOUNT_TILE_WIDTH - 1, hex(hash[0], root));
}

/* Do the leaves lead from the frontier to the head? */
static void entries_check(struct account *account, bool head_signed, struct account_report *report)
{
    uint64_t begin = account->leaf_begin;
    uint8_t root[32];
    char text[65];

    if (!account->has_leaves)
        return;
    must(account->leaf_count <= UINT64_MAX - begin);
    bool leads = account->has_frontier && account->frontier.size <= begin + account->leaf_count &&
                 begin <= account->frontier.size && begin + account->leaf_count == account->head.size;
    if (!leads || account->leaf_count == 0 || !head_signed) {
        add(report, ACCOUNT_IS_ENTRIES_PART, "%zu from %" PRIu64 " on", account->leaf_count, begin);
        return;
    }
    size_t skip = (size_t)(account->frontier.size - begin);
    struct compact tree = account->frontier;
    merkle_append_many(&tree, account->leaf_hash + skip, account->leaf_count - skip);
    merkle_root(&tree, root);
    add(report, memcmp(root, account->head.root, 32) == 0 ? ACCOUNT_IS_ENTRIES_FIT : ACCOUNT_IS_ENTRIES_OTHER,
        "entries %" PRIu64 " to %" PRIu64 ", computed %s", account->frontier.size, account->head.size - 1,
        hex(root, text));
    if (account->has_computed && memcmp(root, account->computed, 32) != 0)
        add(report, ACCOUNT_IS_COMPUTED_OTHER, "%s", hex(account->computed, text));
}

/* A log with one history can not have served both. */
static void before_check(const struct account *account, struct account_report *report)
{
    if (!account->has_before)
        return;
    if (account->before_differs == 0)
        add(report, ACCOUNT_IS_BEFORE_SAME, "%zu entries", account->before_count);
    else
        add(report, ACCOUNT_IS_BEFORE_OTHER, "%zu of %zu entries, the first one %" PRIu64,
            account->before_differs, account->before_count, account->before_first);
}

void account_check(struct account *account, struct account_report *report)
{
    uint8_t id[32];

    *report = (struct account_report){.count = 0};
    digest_sha256(span_of(account->log.key, account->log.key_len), id);
    bool ours = memcmp(id, account->stated_log_id, 32) == 0;
    char text[65];
    add(report, ours ? ACCOUNT_IS_KEY : ACCOUNT_IS_KEY_OTHER, "%s", hex(id, text));
    bool head = head_check(account, &account->head, account->signature_wrong, report);
    bool other = head_check(account, &account->other, false, report);
    bool base = head_check(account, &account->base, false, report);
    if (head && other)
        fork_check(&account->head, &account->other, report);
    bool part = !head && account->head.stated && !account->head.has_bytes && is_part(account, other);
    if (head || part)
        proof_check(account, other, report);
    if (head || part)
        path_check(account, head, other, report);
    if (head)
        since_check(account, base, report);
    if (account->unproven)
        add(report, ACCOUNT_IS_UNPROVEN, "%" PRIu64 " entries", account->head.size);
    if (account->has_frontier && account->has_leaves)
        base_check(account, base, report);
    before_check(account, report);
    tile_check(account, head, report);
    if (!account->tile_wrong)
        entries_check(account, head || part, report);
    if (account->has_computed && !account->has_leaves)
        add(report, ACCOUNT_IS_ENTRIES_ABSENT, "computed %s", hex(account->computed, text));
}
