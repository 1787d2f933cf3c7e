/* Every ceiling of the program, each with its reason. Nothing grows without one. */
#ifndef CTVIGIL_LIMITS_H
#define CTVIGIL_LIMITS_H

/* A reply of a log: 256 entries of DigiCert's are about 2 MB; certspotter and CTVault cap at 64 MiB too. */
#define LIMIT_BATCH_BYTES        (16u << 20)  /* one batch arena: address space, touched as needed */
#define LIMIT_BATCH_KEEP         (4u << 20)   /* touched memory a batch keeps between rounds */
#define LIMIT_BIG_BATCH_BYTES    (512u << 20) /* file-backed: one entry of up to 2 x 16 MB and its JSON */
#define LIMIT_BATCHES            64
#define LIMIT_BATCHES_KEEP       (40u << 20) /* by all of them, beyond the first eight: 13 large pages */
#define LIMIT_JSON_BYTES         (64u << 20)
#define LIMIT_ARCHIVE_DIRECTORY  (64u << 20) /* of one zip file: 131,000 members of a full one take 10 MB */
#define LIMIT_ARCHIVE_FILES      1000        /* the archiver makes no more of one log */
#define LIMIT_ARCHIVE_TILES      (16u << 20) /* 4 thousand million entries, twice the largest log */
#define LIMIT_SMALL_BYTES        (1u << 20)  /* proofs, and heads that are not kept */
#define LIMIT_HEAD_BYTES         (64u << 10) /* a head as it came, kept: real ones have 0.3 to 4 kB */
#define LIMIT_ISSUER_BYTES       (64u << 10)
#define LIMIT_TREE_SIZE          UINT64_C(0x7fffffffffffffff) /* entries; positions are stored as int8 */
#define LIMIT_ISSUERS            8192        /* CA certificates remembered at once; CT has some 10,000 */
#define LIMIT_ISSUER_CACHE_BYTES (32u << 20) /* their bytes: 8192 of usual size are 12 MB */
#define LIMIT_HOSTS              1024        /* as many as logs */
#define LIMIT_BUDGETS            4096        /* operators times source addresses; CT has some 20 operators */
#define LIMIT_EVIDENCE_ENTRIES   512         /* a suspect range this long is kept byte by byte */
#define LIMIT_BEFORE             64   /* entries of an account of which it is said what they were before */
#define LIMIT_STRETCHES          4096 /* parts of a suspect stretch that differ; then the rest counts too */
#define LIMIT_EVIDENCE_BYTES     (4u << 20)  /* of the entries of one account */
#define LIMIT_EVIDENCE_LEAVES    32768       /* of a longer range the leaf hashes are kept: 1 MiB */
#define LIMIT_ANSWERS_BYTES      (1u << 20)  /* the same, of the log's answers about proofs */
#define LIMIT_ACCOUNT_BYTES      (16u << 20) /* whole: the above, three heads and a tile, as JSON */
#define LIMIT_ISSUERS_OPEN       96          /* looked for at once for one log; real tiles name 5 to 52 */
#define LIMIT_RETRY_AFTER_MS     3600000     /* a log that says "in ten years" is asked again in an hour */
#define LIMIT_NOTE_LINES         64 /* signature lines of a checkpoint; post-quantum ones are 5 kB each */
#define LIMIT_WORKERS            64
#define LIMIT_LOGS               1024
#define LIMIT_FOLLOWS            2048        /* each log may be read at two places: head and backlog */
#define LIMIT_RANGES             16          /* of one log: pieces of a backlog that meet again */
#define LIMIT_LOGLIST_BYTES      (2u << 20)  /* all_logs_list.json of 2025 has 0.1 MB */
#define LIMIT_LOGLIST_LOGS       4096        /* entries of one log list; the list of all logs ever has 220 */
#define LIMIT_WINDOW             64          /* replies in flight per log */
#define LIMIT_COMMIT_BATCHES     64          /* replies settled in one transaction */
#define LIMIT_COMMIT_ENTRIES     16384       /* database.md: 8,192 to 32,768 is where the gain flattens */
#define LIMIT_COPY_BYTES         (64u << 20) /* one row of COPY: 2 x 16 MB with its chain, kept raw */
#define LIMIT_RAW_BYTES          (24u << 20) /* of leaf and extra of an entry too large for a row */
#define LIMIT_ISSUERS_CACHED     65536       /* issuing keys a writer remembers: 20 MB when full */
#define LIMIT_ISSUANCES_KNOWN    524288      /* a writer remembers: 8 MB; 34 logs commit 140,000 in turn */
#define LIMIT_DER_BYTES          (16u << 20) /* of one certificate kept whole: 24 bits of length */
#define LIMIT_DER_CHUNK_BYTES    262144      /* packed together: 64 of 4 kB; 0.2 ms to unpack */
#define LIMIT_DER_MERGE          256         /* rows of certificates joined at once: 64 MB at most */
#define LIMIT_FORMS_KNOWN        131072      /* certificates a writer remembers to be stored: 2 MB */
#define LIMIT_CN_BYTES           512         /* of a common name stored as text; X.520 allows 64 characters */
#define LIMIT_HEAD_FUTURE_MS     300000      /* a head may be ahead of our clock by what clocks differ */
#define LIMIT_HEAD_DUE_S         300         /* a head is read and verified by then, or something is wrong */
#define LIMIT_UNPROVEN_MS        86400000    /* a log merges within a day, and can prove its heads by then */
#define LIMIT_HEAD_DAYS          30          /* afterwards one verified head per hour stays: 9,000 a year */
#define LIMIT_HEADS_OPEN         4096   /* of a log, not verified; more prove no more: 2 MB, at most 256 */
#define LIMIT_ACCOUNTS_HOUR      8      /* of a log and kind; of what lasts the first says enough */
#define LIMIT_MERGE_ENTRIES      262144 /* of a log looked at for late ones at once: 2 MB */
#define LIMIT_CHANNEL_DAYS       7      /* a channel nobody has served for longer is given up */
#define LIMIT_CHANNEL_ABSENT_H   3  /* unserved for so long: what waits goes to others, too; noted hourly */
#define LIMIT_ALERT_FINDINGS     32 /* of one alert, gravest first: a log can claim any number of issuers */
#define LIMIT_NAMES_STORED       100000      /* DNS names, and as many addresses, of one stored certificate */
#define LIMIT_NAMES_BYTES        (24u << 20) /* their text; readable again within LIMIT_HISTORY_BYTES */
#define LIMIT_ORGS               16          /* organisations kept of one subject; real ones have one */
#define LIMIT_LOAD_VALUE         3976        /* of rows of a backfill in one value: two fill a page */
#define LIMIT_LOAD_SORT          (128u << 20) /* of them in two pieces; what is more is read several times */
#define LIMIT_LOAD_LOCK_MS       30000        /* the connection that reads them waits for a lock so long */
#define LIMIT_PART_SORT_MB       256 /* of sorting when a partition is rewritten: in such pieces on disk */
#define LIMIT_PART_INDEX_MB      512 /* the same for its indexes; one process does it at a time */
#define LIMIT_WRITE_SORT_MB      64 /* of memory to sort the rows of a commit on the server: 16,384 of 1 kB */
#define LIMIT_PLACE_BLOCK        128     /* keys of a block of places: four blocks fill a page */
#define LIMIT_PLACE_FEW          64      /* keys in a bucket, else a commit writes into wider ones */
#define LIMIT_PLACE_FAN          8       /* blocks in a bucket, then they are merged into the next level */
#define LIMIT_PLACE_FAN_LOAD     64      /* the same during a backfill; no more than are looked at, 64 */
#define LIMIT_PLACE_STEP         1024    /* blocks of one such transaction: 8 MB of memory, 50 ms */
#define LIMIT_PLACE_STEPS        1       /* of each level after a commit, so that space is used again soon */
#define LIMIT_PLACE_CATCH        64      /* of them at once after a repair: some seconds */
#define LIMIT_PLACE_LOOK         16      /* blocks that are written before it is looked what to merge, */
#define LIMIT_PLACE_LOOK_MS      5000    /* and that late where few are */
#define LIMIT_PLACE_DEAD         2048    /* blocks that were taken out before their space is freed: 4 MB, */
#define LIMIT_PLACE_DEAD_PART    8       /* and this part of all, */
#define LIMIT_PLACE_DEAD_MOST    65536   /* but no more than so many: 100 MB, half a second, */
#define LIMIT_PLACE_DEAD_ROWS    8000000 /* while all are so many, an index of 200 MB */
#define LIMIT_PLACE_SAY_MS       3600000 /* between two warnings that merging fails */
#define LIMIT_PLACE_MEND         1000    /* tiles of one step that makes damaged blocks anew: 0.5 s */
#define LIMIT_PLACE_MENDS        256     /* such steps of a look of whoever looks after partitions: minutes */
#define LIMIT_PLACE_PAGES        512     /* of place_block that are looked at together: 4 MB */
#define LIMIT_PAST_LOOK_MS       60000   /* between two looks whether a log holds nothing but what expired */
#define LIMIT_PAST_SEAL_MS       21600000 /* what is put down of such logs gets into partitions so often, */
#define LIMIT_PAST_BREAK_MS      900000   /* begun by a look within this time, or the first one behind it, */
#define LIMIT_PAST_IDLE_MS       900000   /* or as soon as nothing came for so long */
#define LIMIT_PSL_BLOCKS         1024 /* of a table looked at in one transaction of a change of lists: 8 MB */
/* A writer that is silent for longer (stopped, cut off) loses its locks; it speaks every seven seconds. */
#define LIMIT_DB_IDLE_S          12
#define LIMIT_DB_TX_IDLE_S       10  /* the same inside a transaction; others may wait for its rows */
#define LIMIT_DB_ASK_S           120 /* the same of those who change something now and then */
#define LIMIT_DB_COPY_S          20  /* the same inside a COPY; the largest takes a second */
#define LIMIT_DB_ROW_S           2   /* for the row of a range: who has it is at work on it, or stopped */
#define LIMIT_DB_LOCK_S          60  /* for any other row, with the work of a transaction done */
#define LIMIT_DB_ANSWER_S        900 /* one statement of a writer; the longest takes a minute */
#define LIMIT_DB_REPAIR_S        120 /* reading a suspect range again, between two statements */
#define LIMIT_DB_DOMAINS_S       120 /* reading all domains again in a commit; a million take ten */
#define LIMIT_MENDS              4   /* logs mended at once by one settler, each on a connection of its own */
#define LIMIT_LOOKALIKE_BRANDS   20000    /* 40 MB of tables in each process that matches */
#define LIMIT_PLACEHOLDER_CHECKS 1000000  /* watch x unreadable name, 30 ms; beyond: everybody's */
#define LIMIT_SUBTREE_CHECKS     10000000 /* permitted x watched range, 0.1 s; beyond: everybody's */
#define LIMIT_EXTS_COMPARED      1024 /* identifiers sorted for equal ones; real certificates have below 25 */
#define LIMIT_POLICY_LIST        10000        /* keys, names, items of one entry; a CA has a few dozen keys */
#define LIMIT_OWN_FILE           (4u << 20)   /* certificates and secrets of one's own: a bundle of 1,000 */
#define LIMIT_OWN_FILES          100000       /* looked at in one go */
#define LIMIT_OWN_DEPTH          16           /* folders in folders */
#define LIMIT_KNOWN_FILE         (256u << 20) /* an answer of crt.sh; its limit of rows takes 10 MB */
#define LIMIT_KNOWN_FILES        1000000      /* certificates of one state directory of certspotter */
#define LIMIT_KNOWN_DAYS         400          /* of imported history that is over */
#define LIMIT_KNOWN_NAMES        10000 /* of one certificate that is imported; real ones have below 2,000 */
#define LIMIT_KNOWN_NAMES_BYTES  (4u << 20) /* all of these */
#define LIMIT_LEARN_WORDS        10000      /* different names, keys or CAs that are counted for a proposal */
#define LIMIT_LEARN_DAYS         365        /* in which keys become known by being used; then it is no rule */
#define LIMIT_LEARNED_KEYS       2000       /* of one entry, the newest; they are compared one by one */
#define LIMIT_LEARN_DUE          10000      /* entries whose learning time ends in one minute */
#define LIMIT_LEARN_GRACE_S      600 /* what logs took in at the end of the learning time is read by then */
#define LIMIT_POLICY_FILE        (64u << 20) /* a watch list of a million names has 20 MB */
#define LIMIT_POLICY_LINES       1000000     /* keys and list items of a policy file */
#define LIMIT_POLICY_BYTES       (4u << 20)  /* of one entry, as JSON: 10,000 keys with their labels */
#define LIMIT_CONFIG_BYTES       (1u << 20)
#define LIMIT_PSL_BYTES          (4u << 20)  /* public suffix list: 0.3 MB today */
#define LIMIT_HISTORY_BYTES      (64u << 20) /* one stored certificate; 100,000 names take 30 MB */
#define LIMIT_SEARCH_ROWS        10000       /* of one page of a search; more by cursor */
#define LIMIT_SEARCH_ISSUERS     4096        /* whose names hold what is asked; all of CT has some 10,000 */
#define LIMIT_SEARCH_BYTES       (16u << 20) /* of rows held at once; a single one may be larger */
#define LIMIT_SEARCH_MS          30000       /* a search that no index helps ends here and says so */
#define LIMIT_REPLICA_TRIES      5           /* after a conflict with recovery; 3.1 s of pauses */
#define LIMIT_REPLICA_LAG_S      10          /* a replica that is further behind is told of */
#define LIMIT_READER_S           60          /* of one statement of a reader, when nothing else is said */
#define LIMIT_READER_S_MAX       86400       /* beyond, a reader keeps the server from cleaning up for days */
#define LIMIT_READER_OPEN        5           /* sessions of one reader at once, the same */
#define LIMIT_READER_OPEN_MAX    100         /* PostgreSQL has 100 in all by default */
#define LIMIT_CHANNELS           64          /* each is a thread and a connection to the database */
#define LIMIT_HOOK_S             60          /* seconds until a hook is killed and its delivery failed */
#define LIMIT_CHANNEL_FAILURES   3           /* in a row, and */
#define LIMIT_CHANNEL_FAILING_S  600         /* for so long: then a channel is failing and not just busy */
#define LIMIT_CLAIMED            128         /* deliveries claimed at once; those of one digest */
#define LIMIT_CHANNEL_BODY       65536       /* of a receiver's answer; more is not read */
#define LIMIT_MESSAGE_BYTES      (1u << 20)  /* sent to a receiver: 128 alerts of a digest take 100 kB */
#define LIMIT_SECRET_BYTES       4096        /* of a file with a password, a key or a URL */
#define LIMIT_CHANNEL_PAUSE_S    60          /* between two tries of a receiver that refuses everything */
#define LIMIT_DELIVERY_TRIES     30          /* then dead letter: 2.2 days, see watcher/deliver.c */

/* CA certificates a worker remembers: 52 different issuers were seen in one live tile, nearly all below 2 kB;
 * what certifies them comes with them. */
#define LIMIT_CHAINKEYS      256
#define LIMIT_CHAINKEY_BYTES 3072

/* CA certificates behind the first ones of chains, of which a log can make up any number; all of CT has some
 * 10,000. */
#define LIMIT_CHAIN_MEMBERS    4096        /* of one log in a day */
#define LIMIT_ISSUER_WANTS     4096        /* of one log, remembered until they are had */
#define LIMIT_ISSUER_WANT_DAYS 30          /* and no longer: a log that has it not for a month made it up */
#define LIMIT_ROOTS            8192        /* that one log accepts; real ones have below 2,000 */
#define LIMIT_ROOTS_BYTES      (16u << 20) /* their reply is 1 to 3 MB */
#define LIMIT_EDGE_CERTS       512         /* compared with the others in a minute */
/* Ways to the roots of one store, of one CA; the largest of the real graph has 10. */
#define LIMIT_CA_PATHS           64
#define LIMIT_TRUST_FILE         (64u << 20) /* of an import; all certificates of CCADB have 25 MB */
#define LIMIT_TRUST_FILES        256
#define LIMIT_PENDING_MS         300000  /* for history scans that wait, then others have their turn */
#define LIMIT_PENDING_REST_MS    3600000 /* between two looks that can not get to the end */
#define LIMIT_PENDING_PIECE_MS   30000   /* of one that is done a piece at a time */
#define LIMIT_PENDING_ROWS       20000   /* of a domain that shares its scan with others: a few seconds */
#define LIMIT_TRUST_REJUDGE_MS   300000  /* between looks at what new CA certificates change */
#define LIMIT_TRUST_LOOK_MS      60000   /* for judging by what changed, then others have their turn */
#define LIMIT_TRUST_LOSS_PERCENT 25 /* of a list's roots or keys at once; the busiest year took a tenth */
#define LIMIT_TRUST_DAYS         35 /* root stores change monthly; older trust data is told of */
/* Certificates looked at in a minute for what belongs to them; 0.5 ms each. */
#define LIMIT_PAIR_LOOKS   10000
#define LIMIT_PAIR_WAIT_MS 86400000 /* for a precertificate: how long a log may take to show an entry */
#define LIMIT_PAIR_NOTES   1024     /* that gather in memory during a history scan */

#define LIMIT_SCT_LOOKS 10000
#define LIMIT_SCT_MS    60000 /* of them in a row, then others have their turn */
#define LIMIT_SCT_DER_BYTES                                                                                  \
    (256u << 10)              /* kept until the logs have kept their word; 8,000 names are 200 kB */
#define LIMIT_SCTS        16  /* of one certificate, of known logs; browsers ask for two or three */
#define LIMIT_SCTS_OF_LOG 4   /* where there are more than that */
#define LIMIT_SCTS_WALKED 256 /* with those that are junk; each asks the database */

#define LIMIT_EXPIRY_KEYS                                                                                    \
    1024 /* domains whose certificates are looked at at once; planning it takes its time */
#define LIMIT_EXPIRY_ROWS       20000  /* their certificates; of one domain with more, those that run out */
#define LIMIT_EXPIRY_FIRST_DAYS 30     /* before the end, the first step where an entry has none of its own */
#define LIMIT_EXPIRY_NAMES      131072 /* bytes of names; longer ones are not looked at, 2,500 usual names */
#define LIMIT_EXPIRY_DAYS       1100   /* back: three certificates of 398 days show a cadence */
#define LIMIT_EXPIRY_DOUBTS                                                                                  \
    1000000                          /* certificates that somebody was told of and nobody has judged; 40 MB  \
                                      */
#define LIMIT_EXPIRY_LOOK_MS 3600000 /* between looks; 30, 7 and 0 days do not need it more often */
#define LIMIT_EXPIRY_OVER_S  (30 * 86400) /* what was over for longer when it was first seen is history */

#define LIMIT_UNREAD         1000  /* stretches of logs that are being caught up with */
#define LIMIT_UNREAD_S       86400 /* behind: a log may take so long to show what it took in, too */
#define LIMIT_UNREAD_STUCK_S 86400 /* without an entry: such a log is not waited for any longer */
#define LIMIT_UNREAD_MOST_S                                                                                  \
    (7 * 86400) /* nor one that goes on for so long: between the steps of 7 and 0 days nothing gets lost */

#define LIMIT_WEAKKEY_BITS      16384 /* of an RSA modulus; looking closely at longer ones takes seconds */
#define LIMIT_SOUND_KEYS        32768 /* remembered, so that none is looked at for each log: 1 MB */
#define LIMIT_BLOCKLIST_BYTES   (1u << 30)  /* of one file; Debian's lists have 20 MB in all */
#define LIMIT_BLOCKLIST_KEYS    (16u << 20) /* listed keys in memory: 600 MB */
#define LIMIT_BLOCKLIST_FILES   64
#define LIMIT_BLOCKLIST_LOOK_MS 10000 /* between looks whether a file changed */

#endif
