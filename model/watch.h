/* A registered entry: what is watched, and what is expected of certificates that concern it. Plain data, made
 * by db and cli, judged by watcher. Everything an array of watches points to is freed by watch_free. */
#ifndef CTVIGIL_WATCH_H
#define CTVIGIL_WATCH_H

#include "base/span.h"
#include "model/alert.h"

/* In the names of the last four the kind comes first, spelled as for `search` and in lower case. */
enum watch_kind {
    WATCH_DNS,   /* "example.com": normal form of base/dns.h without leading dot */
    WATCH_IP,    /* "192.0.2.7", "2001:db8::/32": canonical address or CIDR */
    WATCH_EMAIL, /* "email:example.com": every address at that host; "email:bob@example.com": that one */
    WATCH_URI,  /* "uri:example.com": every URI with that host (a SPIFFE trust domain, too); or a whole URI */
    WATCH_SPKI, /* "spki:HEX": certificates for that key, whatever their names */
    WATCH_ORG,  /* "org:example ltd": organisation of the subject */
    WATCH_KIND_COUNT
};

const char *watch_kind_name(enum watch_kind kind); /* "dns", "ip", "email", "uri", "spki", "org" */
MUST_USE bool watch_kind_parse(const char *name, enum watch_kind *kind);

#define WATCH_ITEM_MEMBERS                                                                                   \
    enum watch_kind kind;                                                                                    \
    bool exact;     /* WATCH_DNS: the name alone; false: the domain and everything below it */               \
    uint8_t ip_len; /* WATCH_IP: 4 or 16 */                                                                  \
    uint8_t ip_prefix;                                                                                       \
    uint8_t ip[16]; /* WATCH_IP: network address, IPv4 in the first four bytes */                            \
    char *name

struct watch_item {
    WATCH_ITEM_MEMBERS;
};

struct watch_words {
    char **at;
    size_t count;
};

/* A SHA-256 and what the user wrote: of the key of an issuing CA, of a certificate's key, or a tbs_fp. */
struct watch_allow {
    uint8_t spki_sha256[32];
    char *label; /* for messages: "spki:...", "cert:FILE" */
};

/* Is a CA meant by a name that stands for several keys ("letsencrypt.org", "ca:Amazon")? */
MUST_USE bool watch_allow_by_name(const char *label);

struct watch_hashes {
    struct watch_allow *at;
    size_t count;
};

enum watch_keys { WATCH_KEYS_OFF, WATCH_KEYS_ADVISE, WATCH_KEYS_ENFORCE };
enum watch_foreign { WATCH_FOREIGN_OFF, WATCH_FOREIGN_WARN, WATCH_FOREIGN_HIGH, WATCH_FOREIGN_CRITICAL };
enum watch_type { WATCH_TYPE_DV = 1, WATCH_TYPE_OV = 2, WATCH_TYPE_IV = 4, WATCH_TYPE_EV = 8 };

/* A planned issuance: of this key, stored first not later than `until`. */
struct watch_expect {
    uint8_t spki_sha256[32];
    int64_t until;    /* Unix seconds, the first moment that is too late */
    char *until_text; /* as the user wrote it */
    char *note;       /* NULL: none */
};

/* Keys that become known by being used: those of certificates that a log took in before `until` and that kept
 * all other rules. */
struct watch_learning {
    int64_t days;  /* how long it is learned; 0: nothing is */
    int64_t until; /* Unix seconds, the end of that time; 0: it has not begun */
    bool over;     /* key_learned is complete: what is logged from `until` on is held against it */
};

/* Which certificates of somebody else are told of because their names can be mistaken for this domain. */
enum watch_lookalike {
    WATCH_LOOKALIKE_OFF,
    WATCH_LOOKALIKE_ON,
    WATCH_LOOKALIKE_STRICT, /* also those that resemble it less */
};

const char *watch_lookalike_name(enum watch_lookalike level); /* "off", "on", "strict" */
MUST_USE bool watch_lookalike_read(struct span text, enum watch_lookalike *level);

/* Is what belongs to a certificate looked for: others under its serial number, its precertificate? */
/* Is it learned when certificates are usually renewed? */
enum watch_cadence { WATCH_CADENCE_LEARN, WATCH_CADENCE_OFF };
#define WATCH_EXPIRY_MAX 8
enum watch_pairing { WATCH_PAIRING_ON, WATCH_PAIRING_OFF };

struct watch {
    int64_t id;
    int64_t rules; /* domain.rules_version; 0: as it was registered */
    union {        /* the item that gives the entry its name */
        struct watch_item item;
        struct {
            WATCH_ITEM_MEMBERS;
        };
    };
    struct watch_item *more; /* further items under the same rules */
    size_t more_count;
    char *owner; /* NULL: none */
    struct watch_words tags;
    struct watch_words channels; /* empty: every channel */
    struct watch_words exclude;  /* names that are not ours, with everything below them */

    bool wildcard_allowed;        /* any wildcard */
    struct watch_words wildcards; /* else these names alone, "*.cdn.example.com" */
    struct watch_allow *allow;    /* CAs; empty: none is expected, so every issuance is alerted on */
    size_t allow_count;
    struct watch_hashes deny;
    enum watch_keys keys;
    struct watch_hashes key_spki;
    struct watch_hashes key_tbs; /* issuances that are accepted whatever their key, by tbs_fp */
    struct watch_learning learning;
    struct watch_hashes key_learned; /* beside key_spki */
    int64_t max_days;                /* 0: what the CA/Browser Forum allows */
    struct watch_words names;        /* names that may be issued for; "*.X": X is below; empty: any */
    enum watch_foreign foreign;
    struct watch_words key_types;  /* "rsa-2048", "ec-p256", "rsa-3072+" (or more); empty: any */
    struct watch_words signatures; /* "ecdsa-sha256": words of model/signing.def; empty: any */
    uint8_t types;                 /* enum watch_type; 0: any */
    uint8_t stores; /* root stores that have to accept it, bit n is enum verdict_store n; 0: none has to */
    enum watch_pairing pairing;
    int64_t final_within_s; /* after its precertificate, in which the certificate is to be in a log; 0: never
                               mind */
    bool expiry_off;        /* nobody is told when certificates run out */
    uint16_t expiry_days[WATCH_EXPIRY_MAX]; /* how many days before that, the longest first */
    size_t expiry_count;                    /* 0: 30, 7 and 0 */
    enum watch_cadence cadence;
    struct watch_expect *expect;
    size_t expect_count;
    enum watch_lookalike lookalike;
    struct watch_words
        lookalike_allow; /* domains (with all below them) that are no look-alikes of this one */
    /* Plus one, 0: as in alert.def. */
    uint8_t severity[ALERT_KIND_COUNT];
};

static inline size_t watch_item_count(const struct watch *watch)
{
    return 1 + watch->more_count;
}

static inline const struct watch_item *watch_item(const struct watch *watch, size_t at)
{
    return at == 0 ? &watch->item : &watch->more[at - 1];
}

/* Frees everything inside an array of watches and the array itself. */
void watch_free(struct watch *watches, size_t count);
/* A deep copy; false: out of memory, and `to` holds nothing. */
MUST_USE bool watch_copy(const struct watch *from, struct watch *to);
/* Append a copy. */
MUST_USE bool watch_words_add(struct watch_words *words, const char *text);
MUST_USE bool watch_hashes_add(struct watch_hashes *hashes, const uint8_t sha256[32], const char *label);

#endif
