/* What an account of a contradiction shows, and what it only claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signer.h"
#include "verify/account.h"
#include "verify/merkle.h"
#include "verify/sth.h"

#define LEAVES 40

struct made {
    EVP_PKEY *key;
    struct account account;
    struct buf signature[3]; /* head, other, base */
    uint8_t leaf[LEAVES][32];
    uint8_t room[ACCOUNT_TILE_WIDTH][32];
    struct account_report report;
};

static void tree_of(const struct made *made, uint64_t size, struct compact *tree, uint8_t root[32])
{
    *tree = (struct compact){.size = 0};
    for (uint64_t i = 0; i < size; i++)
        merkle_append(tree, made->leaf[i]);
    merkle_root(tree, root);
}

static void sign(struct made *made, struct account_head *head, struct buf *signature, uint64_t size,
                 const uint8_t root[32], EVP_PKEY *key)
{
    uint8_t bytes[STH_MESSAGE_BYTES];
    *head = (struct account_head){.stated = true, .size = size, .has_bytes = true, .readable = true};
    memcpy(head->root, root, 32);
    head->said = (struct head){.size = size, .timestamp_ms = 1700000000000};
    memcpy(head->said.root, root, 32);
    sth_message(size, 1700000000000, root, bytes);
    buf_clear(signature);
    signer_sign(key == NULL ? made->key : key, span_of(bytes, sizeof bytes), 4, 3, signature);
    head->signature = buf_span(signature);
}

/* Entries 16 to 39 with the signed head of 16 in front and one of 40 that they give. */
static void begin(struct made *made)
{
    uint8_t root[32];
    struct compact tree;
    *made = (struct made){.key = signer_key("EC", 0, "P-256")};
    for (size_t i = 0; i < 3; i++)
        buf_init(&made->signature[i], 256);
    for (unsigned i = 0; i < LEAVES; i++)
        made->leaf[i][0] = (uint8_t)i;
    struct account *account = &made->account;
    account->log = signer_log(made->key);
    memcpy(account->stated_log_id, account->log.log_id, 32);
    tree_of(made, 40, &tree, root);
    sign(made, &account->head, &made->signature[0], 40, root, NULL);
    tree_of(made, 16, &account->frontier, root);
    account->has_frontier = true;
    sign(made, &account->base, &made->signature[2], 16, root, NULL);
    memcpy(made->room, made->leaf + 16, 24 * sizeof made->room[0]);
    account->leaf_hash = made->room;
    account->leaf_begin = 16;
    account->leaf_count = 24;
    account->has_leaves = true;
}

static bool shown_once[64];

static enum account_weight check(struct made *made)
{
    account_check(&made->account, &made->report);
    for (size_t i = 0; i < made->report.count; i++)
        shown_once[made->report.finding[i].what] = true;
    return made->report.gravest;
}

static bool shows(const struct made *made, enum account_what what)
{
    for (size_t i = 0; i < made->report.count; i++)
        if (made->report.finding[i].what == what)
            return true;
    return false;
}

static void end(struct made *made)
{
    for (size_t i = 0; i < 3; i++)
        buf_fini(&made->signature[i]);
    EVP_PKEY_free(made->key);
}

/* Each case changes one thing of an account in which everything fits. */
enum change {
    NOTHING,
    FLIPPED,      /* one of the leaves */
    FLIPPED_SAID, /* and that is what is said to have been computed */
    LIED,         /* nothing is wrong, and another root is said to have been computed */
    NO_LEAVES,    /* only the word that they do not fit */
    FRONTIER,     /* one node of it */
    NO_BASE,      /* no signed head in front, and a flipped leaf */
    BASE_FORGED,  /* signed by a stranger */
    HEAD_FORGED,  /* and so is the head */
    HEAD_STATED,  /* the account says another size of it */
    HEAD_SILENT,  /* no bytes */
    HEAD_UNREADABLE,
    KEY,          /* another one */
    WRONG_SIGNED, /* of kind bad_signature, and it is wrong */
    WRONG_RIGHT,  /* of kind bad_signature, and it is right */
    GAP,          /* the leaves begin behind the frontier */
    CHANGES
};

static void change(struct made *made, enum change what)
{
    struct account *account = &made->account;
    EVP_PKEY *stranger = signer_key("EC", 0, "P-256");
    uint8_t root[32];
    struct compact tree;
    bool flip = what == FLIPPED || what == FLIPPED_SAID || what == NO_BASE;
    if (flip) {
        made->room[3][31] ^= 1;
        made->leaf[19][31] ^= 1;
    }
    tree_of(made, 40, &tree, root);
    account->has_computed = what == FLIPPED_SAID || what == LIED || what == NO_LEAVES;
    memcpy(account->computed, root, 32);
    if (what == LIED)
        account->computed[5] ^= 4;
    memcpy(root, account->head.root, 32);
    if (what == NO_LEAVES)
        account->has_leaves = false;
    else if (what == FRONTIER)
        account->frontier.hash[0][9] ^= 1;
    else if (what == NO_BASE)
        account->base.stated = false;
    else if (what == BASE_FORGED)
        sign(made, &account->base, &made->signature[2], 16, account->base.root, stranger);
    else if (what == HEAD_FORGED || what == WRONG_SIGNED)
        sign(made, &account->head, &made->signature[0], 40, root, stranger);
    else if (what == HEAD_STATED)
        account->head.size = 39;
    else if (what == HEAD_SILENT)
        account->head.has_bytes = false;
    else if (what == HEAD_UNREADABLE)
        account->head.readable = false;
    else if (what == KEY)
        account->stated_log_id[0] ^= 1;
    else if (what == GAP)
        account->leaf_begin++;
    account->signature_wrong = what == WRONG_SIGNED || what == WRONG_RIGHT;
    EVP_PKEY_free(stranger);
}

static void changes(void **state)
{
    static const struct {
        enum account_weight gravest;
        enum account_what shown;
    } cases[CHANGES] = {
        [NOTHING] = {ACCOUNT_NOTE, ACCOUNT_IS_ENTRIES_FIT},
        [FLIPPED] = {ACCOUNT_SERVED, ACCOUNT_IS_ENTRIES_OTHER},
        [FLIPPED_SAID] = {ACCOUNT_SERVED, ACCOUNT_IS_BASE_SIGNED},
        [LIED] = {ACCOUNT_BROKEN, ACCOUNT_IS_COMPUTED_OTHER},
        [NO_LEAVES] = {ACCOUNT_NOTE, ACCOUNT_IS_ENTRIES_ABSENT},
        [FRONTIER] = {ACCOUNT_BROKEN, ACCOUNT_IS_BASE_OTHER},
        [NO_BASE] = {ACCOUNT_SERVED, ACCOUNT_IS_BASE_CLAIMED},
        [BASE_FORGED] = {ACCOUNT_BROKEN, ACCOUNT_IS_HEAD_FORGED},
        [HEAD_FORGED] = {ACCOUNT_BROKEN, ACCOUNT_IS_HEAD_FORGED},
        [HEAD_STATED] = {ACCOUNT_BROKEN, ACCOUNT_IS_HEAD_OTHER},
        [HEAD_SILENT] = {ACCOUNT_NOTE, ACCOUNT_IS_HEAD_UNSIGNED},
        [HEAD_UNREADABLE] = {ACCOUNT_BROKEN, ACCOUNT_IS_HEAD_UNREADABLE},
        [KEY] = {ACCOUNT_BROKEN, ACCOUNT_IS_KEY_OTHER},
        [WRONG_SIGNED] = {ACCOUNT_SERVED, ACCOUNT_IS_BAD_SIGNATURE},
        [WRONG_RIGHT] = {ACCOUNT_NOTE, ACCOUNT_IS_GOOD_SIGNATURE},
        [GAP] = {ACCOUNT_NOTE, ACCOUNT_IS_ENTRIES_PART},
    };
    (void)state;
    for (int i = 0; i < CHANGES; i++) {
        struct made made;
        begin(&made);
        change(&made, (enum change)i);
        if (check(&made) != cases[i].gravest || !shows(&made, cases[i].shown))
            fail_msg("case %d: %s", i, account_weight_word(made.report.gravest));
        end(&made);
    }
}

/* Two signed trees: of one size they need nothing else; of two sizes it takes the log's own proof. */
static void two_heads(void **state)
{
    static const uint8_t another[32] = {9};
    struct made made;
    struct compact tree;
    uint8_t root[32];
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->has_leaves = account->has_frontier = account->base.stated = false;
    sign(&made, &account->other, &made.signature[1], 40, another, NULL);
    assert_int_equal(check(&made), ACCOUNT_SIGNED);
    assert_true(shows(&made, ACCOUNT_IS_FORK));
    sign(&made, &account->other, &made.signature[1], 40, account->head.root, NULL);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    /* The larger one need not contain the smaller one for all that signatures say. */
    sign(&made, &account->other, &made.signature[1], 41, another, NULL);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    account->proof = (struct account_proof){.present = true, .size = 40, .tree_size = 41};
    memcpy(account->proof.tree_root, another, 32);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_PROOF_USELESS));
    account->proof.proven = true;
    memcpy(account->proof.root, account->head.root, 32);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_PREFIX_FITS));
    tree_of(&made, 39, &tree, root);
    memcpy(account->proof.root, root, 32);
    assert_int_equal(check(&made), ACCOUNT_SIGNED);
    assert_true(shows(&made, ACCOUNT_IS_PREFIX_OTHER));
    /* A tree that the log did not sign, or a proof that leads to another one, proves less. */
    account->proof.tree_root[0] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    account->proof.tree_root[0] ^= 1;
    account->other.has_bytes = false;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_PREFIX_OTHER_WORD));
    end(&made);
}

static void tiles(void **state)
{
    struct made made;
    struct compact tree = {.size = 0};
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->tile_wrong = account->has_node = true;
    account->head.stated = account->base.stated = account->has_frontier = false;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_TILE_ABSENT));
    account->leaf_begin = 512;
    account->leaf_count = ACCOUNT_TILE_WIDTH;
    for (size_t i = 0; i < ACCOUNT_TILE_WIDTH; i++)
        merkle_append(&tree, made.room[i]);
    merkle_root(&tree, account->node);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_TILE_FITS));
    made.room[77][7] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_OTHER));
    account->leaf_begin = 513;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    end(&made);
}

/* A part of a data tile with the tile of level 0: who is wrong can be computed. */
static void tile_parts(void **state)
{
    struct made made;
    uint8_t level0[LEAVES][32];
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    memcpy(level0, made.leaf, sizeof level0);
    account->tile_wrong = true;
    account->tile_leaves = span_of(level0[16], 24 * sizeof level0[0]);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_TILE_LEAVES_FIT));
    made.room[23][7] ^= 1;
    made.room[5][7] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_LEAVES_OTHER) && shows(&made, ACCOUNT_IS_TILE_SIGNED));
    for (size_t i = 0; i < made.report.count; i++)
        if (made.report.finding[i].what == ACCOUNT_IS_TILE_LEAVES_OTHER)
            assert_string_equal(made.report.finding[i].text, "2 of entries 16 to 39, the first one 21");
    /* The tree in front needs nobody's word: with its hashes the tile gives the signed root. */
    account->base.stated = false;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_SIGNED));
    /* The hash tile is wrong itself, is of another place, or of a head that nobody signed. */
    level0[30][0] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_UNSIGNED));
    level0[30][0] ^= 1;
    account->leaf_begin = 15;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_UNSIGNED));
    account->leaf_begin = 16;
    account->head.has_bytes = false;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_TILE_UNSIGNED));
    end(&made);
}

/* A root that nobody signed and that the log proved to be of a signed tree (the border of two ranges): what
 * the entries do not give is then as good as signed. */
static void part_of_a_signed_tree(void **state)
{
    static const uint8_t another[32] = {9};
    struct made made;
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->head.has_bytes = account->head.readable = false;
    sign(&made, &account->other, &made.signature[1], 41, another, NULL);
    account->proof = (struct account_proof){.present = true, .proven = true, .size = 40, .tree_size = 41};
    memcpy(account->proof.root, account->head.root, 32);
    memcpy(account->proof.tree_root, another, 32);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_PREFIX_FITS) && shows(&made, ACCOUNT_IS_ENTRIES_FIT));
    memcpy(made.room, made.leaf + 16, 24 * sizeof made.room[0]); /* a check uses them up */
    made.room[3][31] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_ENTRIES_OTHER));
    /* Without the proof, with one of another root or tree, or under a tree that is not signed: no word of it.
     */
    for (int i = 0; i < 4; i++) {
        struct account_proof proof = account->proof;
        account->proof.proven = i != 0;
        account->proof.root[0] ^= i == 1;
        account->proof.tree_size += i == 2;
        account->other.has_bytes = i != 3;
        assert_int_equal(check(&made), ACCOUNT_NOTE);
        assert_true(shows(&made, ACCOUNT_IS_ENTRIES_PART));
        assert_false(shows(&made, ACCOUNT_IS_PREFIX_FITS) || shows(&made, ACCOUNT_IS_PROOF_USELESS));
        account->proof = proof;
    }
    end(&made);
}

/* Our own nodes from the smaller head to the larger one, with both signed: nobody has to be believed. */
static void paths(void **state)
{
    static const uint8_t another[32] = {9};
    struct made made;
    struct compact tree;
    uint8_t root[32];
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->has_leaves = account->has_frontier = account->base.stated = false;
    tree_of(&made, 40, &tree, root);
    sign(&made, &account->other, &made.signature[1], 40, root, NULL);
    tree_of(&made, 37, &account->path_begin, root);
    sign(&made, &account->head, &made.signature[0], 37, root, NULL);
    account->has_path = true;
    account->path_count = 2; /* entry 37; 38 and 39 */
    memcpy(account->path[0], made.leaf[37], 32);
    merkle_node_hash(made.leaf[38], made.leaf[39], account->path[1]);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_PREFIX_FITS));
    sign(&made, &account->head, &made.signature[0], 37, another, NULL);
    assert_int_equal(check(&made), ACCOUNT_SIGNED);
    assert_true(shows(&made, ACCOUNT_IS_PATH_OTHER));
    /* Who writes a tree of his own accuses nobody: its nodes do not give the signed root. */
    account->path_begin.hash[0][0] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_PATH_USELESS));
    account->path_begin.hash[0][0] ^= 1;
    account->path_count = 1;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    account->path_count = 3;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    account->path_count = 2;
    account->path_begin.size = 36;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    account->path_begin.size = 37;
    account->other.has_bytes = false;
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_PATH_OTHER_WORD));
    account->other.stated = false;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    end(&made);
}

/* Does the head that does not fit begin with the last one that did? */
static void since(void **state)
{
    struct made made;
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->has_leaves = account->has_frontier = false;
    account->since = (struct account_proof){.present = true, .size = 16, .tree_size = 40};
    memcpy(account->since.root, account->base.root, 32);
    memcpy(account->since.tree_root, account->head.root, 32);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_SINCE_USELESS));
    account->since.proven = true;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_SINCE_FITS));
    account->since.root[0] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_SIGNED);
    assert_true(shows(&made, ACCOUNT_IS_SINCE_OTHER));
    account->base.has_bytes = false; /* nobody signed that one */
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    end(&made);
}

/* What is said, and neither kept nor proven. */
static void words(void **state)
{
    struct made made;
    (void)state;
    begin(&made);
    struct account *account = &made.account;
    account->unproven = true;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_UNPROVEN) && shows(&made, ACCOUNT_IS_BASE_SIGNED));
    assert_true(shows(&made, ACCOUNT_IS_KEY) && shows(&made, ACCOUNT_IS_HEAD_SIGNED));
    account->frontier.hash[0][0] ^= 1;
    assert_int_equal(check(&made), ACCOUNT_BROKEN);
    assert_true(shows(&made, ACCOUNT_IS_BASE_OTHER));
    account->base.stated = false;
    (void)check(&made);
    assert_true(shows(&made, ACCOUNT_IS_BASE_CLAIMED));
    /* From the first entry on. */
    account->frontier = (struct compact){.size = 0};
    memcpy(made.room, made.leaf, sizeof made.leaf);
    account->leaf_begin = 0;
    account->leaf_count = LEAVES;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_BASE_EMPTY) && shows(&made, ACCOUNT_IS_ENTRIES_FIT));
    /* What was served before. */
    account->has_before = true;
    account->before_count = 3;
    memcpy(made.room, made.leaf, sizeof made.leaf);
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_BEFORE_SAME));
    account->before_differs = 1;
    memcpy(made.room, made.leaf, sizeof made.leaf);
    assert_int_equal(check(&made), ACCOUNT_SERVED);
    assert_true(shows(&made, ACCOUNT_IS_BEFORE_OTHER));
    account->has_before = false;
    account->has_leaves = false;
    account->has_computed = true;
    assert_int_equal(check(&made), ACCOUNT_NOTE);
    assert_true(shows(&made, ACCOUNT_IS_ENTRIES_ABSENT));
    end(&made);
}

/* Every row of account.def was the answer to something above. */
static void all_rows(void **state)
{
    static const char *const word[] = {
#define X(name, word, weight, sentence) word,
#include "verify/account.def"
#undef X
    };
    (void)state;
    for (size_t i = 0; i < countof(word); i++) {
        if (!shown_once[i])
            fail_msg("%s is shown by no account of these tests", word[i]);
        assert_string_equal(account_word((enum account_what)i), word[i]);
        assert_true(account_sentence((enum account_what)i)[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test(two_heads),
        cmocka_unit_test(tiles),
        cmocka_unit_test(tile_parts),
        cmocka_unit_test(part_of_a_signed_tree),
        cmocka_unit_test(paths),
        cmocka_unit_test(since),
        cmocka_unit_test(words),
        cmocka_unit_test(all_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
