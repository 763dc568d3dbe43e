%% Transactions of mnesia on three nodes, with the table in the memory of all of them. Started by mnesia.ts:
%% the peers with `peer`, the first node with `main Seconds Peer Peer`. Prints one line for each figure.
-module(mnesia_bench).
-export([peer/0, main/1, work/4, writer/5]).

-record(event, {key, text}).

peer() ->
    ok = mnesia:start(),
    receive stop -> ok end.

main([Seconds | Peers]) ->
    Others = [list_to_atom(Peer) || Peer <- Peers],
    [connect(Other, 100) || Other <- Others],
    ok = mnesia:start(),
    {ok, [_, _]} = mnesia:change_config(extra_db_nodes, Others),
    Nodes = [node() | Others],
    {atomic, ok} = mnesia:create_table(event, [
        {ram_copies, Nodes}, {attributes, record_info(fields, event)}]),
    ok = mnesia:wait_for_tables([event], 10000),
    Duration = list_to_integer(Seconds) * 1000,
    [run(Kind, Writers, Nodes, Duration) ||
        {Kind, Writers} <- [{transaction, 1}, {transaction, 64}, {sync_transaction, 64}]],
    [rpc:cast(Other, erlang, halt, [0]) || Other <- Others],
    timer:sleep(200),
    halt(0).

connect(_, 0) -> io:format("FAILED a peer does not answer~n"), halt(1);
connect(Other, Tries) ->
    case net_adm:ping(Other) of
        pong ->
            %% Its mnesia has to run as well.
            case rpc:call(Other, mnesia, system_info, [is_running]) of
                yes -> ok;
                _ -> timer:sleep(100), connect(Other, Tries - 1)
            end;
        pang -> timer:sleep(100), connect(Other, Tries - 1)
    end.

%% The writers are on all nodes, as owners are.
run(Kind, Writers, Nodes, Duration) ->
    {atomic, ok} = mnesia:clear_table(event),
    Parts = [rpc:async_call(Node, ?MODULE, work, [Kind, Count, Duration, Node]) ||
        {Node, Count} <- lists:zip(Nodes, shares(Writers, length(Nodes))), Count > 0],
    Times = lists:sort(lists:append([rpc:yield(Part) || Part <- Parts])),
    Count = length(Times),
    Stored = mnesia:table_info(event, size),
    %% All nodes have all of it, perhaps a moment later.
    timer:sleep(500),
    Sizes = [rpc:call(Node, mnesia, table_info, [event, size]) || Node <- Nodes],
    io:format("RESULT ~p ~p ~p ~p ~p ~p ~p~n", [Kind, Writers, Count * 1000 div Duration,
        lists:nth(Count div 2 + 1, Times), lists:nth(Count * 99 div 100 + 1, Times), Stored,
        lists:min(Sizes)]).

shares(Count, Nodes) ->
    [Count div Nodes + (if I =< Count rem Nodes -> 1; true -> 0 end) || I <- lists:seq(1, Nodes)].

work(Kind, Count, Duration, Node) ->
    Text = list_to_binary(lists:duplicate(100, $x)),
    End = erlang:monotonic_time(millisecond) + Duration,
    Pids = [spawn_monitor(?MODULE, writer, [self(), Kind, {Node, I}, Text, End]) ||
        I <- lists:seq(1, Count)],
    lists:append([receive {times, Pid, Times} -> Times end || {Pid, _} <- Pids]).

writer(Parent, Kind, Id, Text, End) -> write(Parent, Kind, Id, Text, End, 1, []).

write(Parent, Kind, Id, Text, End, Seq, Times) ->
    Begun = erlang:monotonic_time(microsecond),
    Add = fun() -> mnesia:write(#event{key = {Id, Seq}, text = Text}) end,
    {atomic, ok} = mnesia:Kind(Add),
    Time = erlang:monotonic_time(microsecond) - Begun,
    case erlang:monotonic_time(millisecond) >= End of
        true -> Parent ! {times, self(), [Time | Times]};
        false -> write(Parent, Kind, Id, Text, End, Seq + 1, [Time | Times])
    end.
