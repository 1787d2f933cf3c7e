#include "watcher/likeword.h"

#include <pthread.h>

static const char *const strong[] = {
    "account",
    "accounts",
    "acct",
    "alert",
    "alerts",
    "auth",
    "authenticate",
    "authorize",
    "bank",
    "banking",
    "billing",
    "bonus",
    "cancel",
    "care",
    "check",
    "claim",
    "client",
    "clients",
    "confirm",
    "connexion",
    "customer",
    "delivery",
    "ebanking",
    "gift",
    "giveaway",
    "help",
    "helpdesk",
    "id",
    "identity",
    "invoice",
    "kunde",
    "kunden",
    "kundenservice",
    "limited",
    "live",
    "locked",
    "log",
    "login",
    "logins",
    "logon",
    "mail",
    "member",
    "mfa",
    "mobile",
    "myaccount",
    "notice",
    "notification",
    "office",
    "official",
    "online",
    "onlinebanking",
    "otp",
    "parcel",
    "pass",
    "passwd",
    "password",
    "pay",
    "payment",
    "payments",
    "pin",
    "portal",
    "prize",
    "protect",
    "protection",
    "recover",
    "recovery",
    "refund",
    "renew",
    "renewal",
    "reset",
    "resolution",
    "restore",
    "reward",
    "rewards",
    "safe",
    "safety",
    "secure",
    "secured",
    "security",
    "secureserver",
    "service",
    "services",
    "session",
    "sicher",
    "sicherheit",
    "sign",
    "signin",
    "signon",
    "signup",
    "sso",
    "suivi",
    "support",
    "suspended",
    "tax",
    "token",
    "track",
    "tracking",
    "unlock",
    "update",
    "updates",
    "user",
    "validate",
    "validation",
    "verif",
    "verified",
    "verify",
    "verification",
    "wallet",
    "warning",
    "web",
    "webmail",
    "webscr",
    "www",
    "wwww",
    "com",
    "net",
    "claims",
    "docs",
    "drive",
    "sharepoint",
    "share",
    "meeting",
    "invite",
    "access",
    "admin",
    "email",
    "konto",
    "compte",
    "cuenta",
    "conta",
    "aktualisierung",
    "verifizierung",
};

static const char *const weak[] = {
    "about",        "academy",   "ads",        "africa",    "agency",
    "ai",           "api",       "app",        "apps",      "asia",
    "at",           "au",        "auto",       "best",      "beta",
    "biz",          "blog",      "book",       "br",        "business",
    "buy",          "ca",        "career",     "careers",   "cash",
    "cdn",          "center",    "centre",     "ch",        "chat",
    "city",         "cloud",     "club",       "cn",        "co",
    "code",         "coin",      "connect",    "contact",   "corp",
    "crypto",       "data",      "de",         "deal",      "deals",
    "demo",         "dev",       "digital",    "direct",    "discount",
    "download",     "e",         "es",         "eu",        "events",
    "express",      "fans",      "file",       "files",     "finance",
    "for",          "forum",     "fr",         "free",      "get",
    "global",       "go",        "group",      "hk",        "home",
    "host",         "hotel",     "hr",         "hub",       "i",
    "img",          "inc",       "info",       "int",       "international",
    "invest",       "io",        "it",         "jobs",      "jp",
    "lab",          "labs",      "link",       "llc",       "loan",
    "ltd",          "m",         "main",       "manage",    "market",
    "media",        "mx",        "my",         "network",   "new",
    "news",         "nl",        "now",        "of",        "offer",
    "offers",       "on",        "one",        "org",       "outlet",
    "page",         "partner",   "partners",   "party",     "pl",
    "plus",         "premium",   "press",      "pro",       "prod",
    "promo",        "promotion", "ru",         "sa",        "sale",
    "sales",        "server",    "sg",         "shop",      "shopping",
    "site",         "solution",  "solutions",  "staff",     "staging",
    "static",       "status",    "store",      "team",      "tech",
    "test",         "the",       "ticket",     "tickets",   "today",
    "top",          "trade",     "training",   "travel",    "tv",
    "uk",           "us",        "usa",        "video",     "vip",
    "vpn",          "win",       "world",      "x",         "xyz",
    "your",         "zone",      "and",        "in",        "cart",
    "card",         "cards",     "credit",     "form",      "forms",
    "me",           "auction",   "auctions",   "calendar",  "challenge",
    "coupon",       "coupons",   "downloader", "converter", "converters",
    "device",       "devices",   "fantasy",    "game",      "games",
    "gaming",       "greeting",  "greetings",  "hack",      "hacks",
    "health",       "image",     "images",     "instant",   "job",
    "kids",         "kind",      "like",       "local",     "map",
    "maps",         "message",   "messages",   "messenger", "mobil",
    "mortgage",     "mortgages", "movie",      "movies",    "music",
    "number",       "people",    "phone",      "phones",    "photo",
    "photos",       "picture",   "pictures",   "radio",     "scholar",
    "search",       "software",  "sport",      "sports",    "stream",
    "theme",        "themes",    "translate",  "upgrade",   "upgrades",
    "weather",      "insurance", "loans",      "dealer",    "investment",
    "benefits",     "privacy",   "homepage",   "profile",   "profiles",
    "review",       "reviews",   "feedback",   "survey",    "register",
    "registration", "order",     "orders",     "shipping",  "return",
    "returns",      "warranty",  "repair",     "catalog",   "catalogue",
    "driver",       "drivers",   "apk",        "mod",       "plugin",
    "extension",    "browser",   "call",       "calls",     "meet",
};

/* All of them by their last letter: each place of a text is asked for words that end there. */
struct word {
    const char *text;
    uint8_t len;
    uint8_t weight;
    uint16_t next; /* with the same last letter */
};

static struct word words[1 + countof(strong) + countof(weak)]; /* 0: none */
static uint16_t ending_with[256];
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static void words_add(size_t at, const char *text, enum likeword_weight weight)
{
    size_t len = strlen(text);
    uint16_t *head = &ending_with[(uint8_t)text[len - 1]];
    words[at] = (struct word){text, (uint8_t)len, (uint8_t)weight, *head};
    *head = (uint16_t)at;
}

static void words_make(void)
{
    for (size_t i = 0; i < countof(strong); i++)
        words_add(1 + i, strong[i], LIKEWORD_STRONG);
    for (size_t i = 0; i < countof(weak); i++)
        words_add(1 + countof(strong) + i, weak[i], LIKEWORD_WEAK);
}

struct best {
    enum likeword_weight weight; /* LIKEWORD_UNKNOWN: nothing ends here */
    const char *word;
    size_t len; /* of the word; of two that weigh the same the longer one says more */
    bool reached;
};

static bool is_better(unsigned weight, size_t len, const struct best *than)
{
    return weight > (unsigned)than->weight || (weight == (unsigned)than->weight && len > than->len);
}

/* The words that end at `end` and begin where others end. */
static void take(struct best *at, size_t end, struct span text)
{
    for (uint16_t i = ending_with[text.at[end - 1]]; i != 0; i = words[i].next) {
        const struct word *word = &words[i];
        if (word->len > end || !at[end - word->len].reached ||
            memcmp(text.at + end - word->len, word->text, word->len) != 0)
            continue;
        struct best here = at[end - word->len];
        if (is_better(word->weight, word->len, &here)) {
            here.weight = (enum likeword_weight)word->weight;
            here.word = word->text;
            here.len = word->len;
        }
        if (!at[end].reached || is_better(here.weight, here.len, &at[end]))
            at[end] = here;
    }
}

#define PART_MAX 64

enum likeword_weight likeword_read(struct span text, const char **word)
{
    struct best at[PART_MAX + 1];
    *word = NULL;
    if (text.len > PART_MAX)
        return LIKEWORD_UNKNOWN;
    (void)pthread_once(&words_once, words_make);
    memset(at, 0, (text.len + 1) * sizeof *at);
    at[0].reached = true;
    for (size_t end = 1; end <= text.len; end++) {
        uint8_t c = text.at[end - 1];
        bool gap = c == '-' || c == '.' || c == '_';
        bool number = c >= '0' && c <= '9';
        if ((gap || number) && at[end - 1].reached) {
            at[end] = at[end - 1];
            if (number && at[end].weight < LIKEWORD_NUMBER)
                at[end].weight = LIKEWORD_NUMBER;
        }
        take(at, end, text);
    }
    *word = at[text.len].word;
    return at[text.len].reached ? at[text.len].weight : LIKEWORD_UNKNOWN;
}
