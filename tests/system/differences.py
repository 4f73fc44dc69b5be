# SPDX-License-Identifier: Apache-2.0
"""The deliberate differences between ovsdbd and the reference server (Debian's ovsdb-server), with
their reasons.

A test names its difference with @pytest.mark.difference("NAME"), a case of a table with the member
"difference". Such a test must fail on the reference server: if it passes there, the run with
--reference fails, and the entry has to go.
"""
REASONS = {
    "least-integer-negated":
        "-2^63 *= -1 is a range error (RFC 7047 5.1); the reference server wraps around silently",
    "least-integer-modulo":
        "-2^63 %= -1 is 0; the reference server reports a range error",
    "released-row-collected":
        "a row whose last strong reference disappears together with the weak reference of a pair is"
        " collected in the same commit; the reference server keeps the row until another"
        " transaction modifies it",
    "real-digits":
        "reals are printed with 17 digits where 15 digits do not read back as the same number; the"
        " reference server changes such values",
    "relay-keeps-requests":
        "a relay keeps the transactions that it could not forward while its source is not connected,"
        " and forwards them later; the reference server answers them with \"canceled\" when the"
        " source is back",
    "transaction-ids-of-files":
        "the transactions of a database file have ids, which relays pass on, so that clients resume"
        " at another relay; with the reference server only those of clusters have",
    "relay-keeps-aware-clients":
        "a conversion at the source of a relay ends the monitors of its clients, and the relay has"
        " the new schema as soon as it is connected again; the reference server keeps the old schema"
        " until the source disconnects",
    "relay-argument-checked":
        "\"relay:DB:SOURCE\" without a name or a source is refused; the reference server accepts"
        " an empty name or source",
    "cancel-answered":
        "RFC 7047 4.1.4: a canceled request gets the error \"canceled\"; the reference server sends"
        " no reply",
    "member-order":
        "the members of printed objects are sorted by name; the reference server prints them in"
        " hash order",
    "oversized-message":
        "the size of a message can be limited; the reference server buffers a message until it runs"
        " out of memory",
    "modify-select-per-column":
        "a change of columns whose monitor request deselects \"modify\" sends no update; the"
        " reference server sends an update with an empty \"old\" if another request for the table"
        " selects \"modify\"",
    "where-of-every-request":
        "a monitor shows a row if one of the requests for its table matches the row, both initially"
        " and after a change of conditions; the reference server uses the conditions of one of the"
        " requests",
    "condition-change-dated":
        "an update3 with a transaction id follows every change of conditions, even if it shows or"
        " hides no row: otherwise a client that resumes from an older id gets changes of rows that"
        " it does not have; the reference server sends nothing",
    "wildcards-apart":
        "ptcp:PORT and ptcp:PORT:[::] can listen at the same time, and the row of a remote that"
        " cannot listen has the reason; in the reference server the second listener fails, and only"
        " its log has the reason",
    "bad-remote-refused":
        "a remote that can never work is refused at once, and so is a remote that a command adds"
        " and that cannot listen; the reference server logs the failure and keeps the remote",
    "status-command":
        "ovsdb-server/status shows the remotes and keys that the server is waiting for; the"
        " reference server has no such command",
    "socket-of-a-server":
        "the server does not replace the socket file of another running server; the reference"
        " server removes the file and listens in its place",
    "damage-refused":
        "the end of a file is cut off only if an interrupted write explains it. A wrong hash, also"
        " that of the last record, and data after the records are damage, and the database is not"
        " served until an administrator has repaired it; the reference server silently serves the"
        " records before the damage",
    "signals-end-cleanly":
        "SIGTERM and SIGINT are the usual ways to stop a service: the exit status is 0, without a"
        " warning; the reference server logs a warning and dies of the signal",
    "failed-add-db-is-harmless":
        "a second database with the name of a served one is refused; the reference server then also"
        " stops serving the first one",
    "backup-status-is-live":
        "sync-status says \"connecting\" as soon as the connection to the active server is lost,"
        " and the server warns about a database that is not replicated; the reference server does"
        " neither",
    "sync-status-by-database":
        "sync-status prints a block for each database, as current servers do; the reference server"
        " is older and prints one block for the server",
    "help-complete":
        "--help lists every option; the reference server's leaves some out",
    "weak-drop-written":
        "the record of a commit has the weak references that the commit removes; the reference"
        " server leaves them out for rows that the transaction modified itself, and shows the"
        " references again after a restart",
    "difference-to-a-default":
        "a difference in a file applies to the current value of the row, also if that is a default"
        " value; the reference server applies it to an empty value when it reads the file, and so"
        " shows another value than before its restart",
    "resume":
        "monitor_cond_since resumes on a standalone server; the reference server has transaction"
        " ids only in a cluster",
    "convert-told":
        "_Server shows a conversion at once; the reference server sends no update to the monitors"
        " of _Server",
    "convert-names-the-value":
        "the error of a refused conversion names the table, the row and the column; the reference"
        " server's does not",
    "convert-own":
        "the database _Server cannot be converted; the reference server converts it",
    "restore-keeps-uuids":
        "restored rows keep their UUIDs; with the reference server every row gets a new UUID",
    "restore-from-a-pipe":
        "a backup can be restored from a pipe; the reference server's client needs a file",
    "restore-names-the-damage":
        "the error about a damaged backup has the number and the offset of the record; the"
        " reference server's does not",
    "restore-force-fits":
        "restore --force leaves out the tables and columns that the server's schema does not have;"
        " the reference server's request fails",
    "ids-byte-for-byte":
        "the ids of requests and monitors are returned byte for byte; the reference server parses"
        " and prints them, which changes large numbers",
    "invalid-utf8":
        "RFC 7047 4 requires UTF-8; the reference server echoes invalid bytes, which no client can"
        " parse",
    "quiet-status":
        "the status of a remote is written when it changes; the reference server writes elapsed"
        " seconds every 2.5 s, which updates every monitor of the row",
    "last-error-told":
        "status:last_error in the row of a remote says why the remote does not work, as the schema"
        " documents it; the reference server only logs the reason",
    "listener-tells-more":
        "the status of a listener that has clients is the status of one of its connections, as the"
        " schema documents it; the reference server leaves it empty",
    "names-resolved":
        "a remote may have a host name; the reference server accepts only addresses",
    "rights-follow":
        "a change of a row's role or read_only closes the connections of its remote, so that no"
        " client keeps its former access rights; the reference server keeps the connections",
    "same-remote-once":
        "a remote that is both an option and a row has the settings of the option; in the reference"
        " server the settings depend on the order",
    "rbac-key-with-colon":
        "in \"column:key\" everything after the first colon is the key; the reference server"
        " accepts"
        " no colon in the key and no empty key",
    "rbac-changes-nothing":
        "a mutate without mutations counts rows and needs no permission; the reference server"
        " requires that the client owns the rows",
    "rbac-own-rules":
        "the rules committed before a transaction apply to the whole transaction; the reference"
        " server applies rules that the transaction itself makes to its later operations",
    "log-escaped":
        "show-log escapes control characters in comments and names, so that data of clients cannot"
        " forge lines or control a terminal; the reference server prints them unchanged",
    "rbac-update-by-key":
        "\"column:key\" in a permission's \"update\" allows changes of this key of a map, as the"
        " schema documents it; the reference server refuses every change of such a column",
    "cluster-port-needed":
        "the address of a server of a cluster needs a port from 1 to 65535, because other servers"
        " connect to it; the reference server's tool accepts an empty port and port 0",
    "cluster-committed-terms":
        "check-cluster reports committed entries with the same index and different terms, which"
        " are a loss of data; the reference server's tool compares only entries of one term",
    "cluster-without-contents":
        "cluster-to-standalone fails for a server that has not joined; the reference server's tool"
        " writes an empty file, which is no database, and reports success",
    "cluster-replaced-entries":
        "cluster-to-standalone leaves out entries that later ones replace; the reference server's"
        " tool writes them, too, so that a transaction that was never committed is in the result",
    "cluster-conversion":
        "cluster-to-standalone begins with the last conversion; the reference server's tool writes"
        " the transactions after it behind the old schema, and the file cannot be opened",
    "cluster-show-log":
        "show-log prints election timers, and the name with the same quote on both sides; the"
        " reference server's tool does neither",
    "weak-references-of-a-changed-set":
        "if a transaction changes a set of weak references and deletes rows to which it refers, these"
        " references are removed; the reference server keeps them, although the rows are gone",
    "cluster-commands-always":
        "the commands cluster/* exist in every server, and say what is wrong with a database that is"
        " not clustered; the reference server knows them only while it serves a clustered database",
}
