%% Messages and calls between a process of this node and one of another. Started by erlang_remote.ts: the
%% other node with `peer`, this one with `main Peer`. Prints one line for each figure.
-module(remote_bench).
-export([peer/0, main/1, counter/1, worker/4]).

peer() ->
    register(counter, spawn(?MODULE, counter, [0])),
    receive stop -> ok end.

%% The behaviour of bench/remote/counter.ts.
counter(Count) ->
    receive
        {count, _} -> counter(Count + 1);
        {get, _, From, Ref} -> From ! {Ref, Count}, counter(Count)
    end.

main([Name]) ->
    Peer = list_to_atom(Name),
    connect(Peer, 200),
    Pid = wait(Peer, 200),
    flood(Pid, "tell-100", 100, 200000, 10000),
    flood(Pid, "tell-1k", 1024, 50000, 2000),
    ask(Pid, "ask-1", 1, 3000),
    ask(Pid, "ask-64", 64, 30000),
    ask(Pid, "ask-256", 256, 30000),
    halt(0).

connect(_, 0) -> io:format("FAILED the peer does not answer~n"), halt(1);
connect(Peer, Tries) ->
    case net_adm:ping(Peer) of
        pong -> ok;
        pang -> timer:sleep(50), connect(Peer, Tries - 1)
    end.

wait(_, 0) -> io:format("FAILED the peer has no counter~n"), halt(1);
wait(Peer, Tries) ->
    case rpc:call(Peer, erlang, whereis, [counter]) of
        Pid when is_pid(Pid) -> Pid;
        _ -> timer:sleep(50), wait(Peer, Tries - 1)
    end.

get(Pid, Text) ->
    Ref = make_ref(),
    Pid ! {get, Text, self(), Ref},
    receive {Ref, Count} -> Count end.

%% Asks for the count at intervals, of which 3 may be pending. The first runs warm up.
flood(Pid, Name, Size, Tells, PerAsk) ->
    Text = binary:copy(<<"x">>, Size),
    [once(Pid, Text, Tells, PerAsk) || _ <- [1, 2]],
    Took = once(Pid, Text, Tells, PerAsk),
    io:format("RESULT ~s ~p ~p~n", [Name, Tells * 1000000 div Took, 0]).

once(Pid, Text, Tells, PerAsk) ->
    Before = get(Pid, <<>>),
    Begun = erlang:monotonic_time(microsecond),
    After = send(Pid, Text, Tells, PerAsk, 1, queue:new()),
    Took = erlang:monotonic_time(microsecond) - Begun,
    Tells = After - Before,
    Took.

send(_, _, Tells, _, Sent, Pending) when Sent > Tells ->
    lists:last([receive {Ref, Count} -> Count end || Ref <- queue:to_list(Pending)]);
send(Pid, Text, Tells, PerAsk, Sent, Pending) ->
    Pid ! {count, Text},
    case Sent rem PerAsk of
        0 ->
            Ref = make_ref(),
            Pid ! {get, <<>>, self(), Ref},
            Asked = queue:in(Ref, Pending),
            case queue:len(Asked) > 3 of
                true ->
                    {{value, First}, Rest} = queue:out(Asked),
                    receive {First, _} -> ok end,
                    send(Pid, Text, Tells, PerAsk, Sent + 1, Rest);
                false -> send(Pid, Text, Tells, PerAsk, Sent + 1, Asked)
            end;
        _ -> send(Pid, Text, Tells, PerAsk, Sent + 1, Pending)
    end.

ask(Pid, Name, Width, Total) ->
    [asks(Pid, Width, Total) || _ <- [1, 2]],
    {Took, Times} = asks(Pid, Width, Total),
    P50 = lists:nth(length(Times) div 2 + 1, lists:sort(Times)),
    io:format("RESULT ~s ~p ~p~n", [Name, length(Times) * 1000000 div Took, P50]).

asks(Pid, Width, Total) ->
    Begun = erlang:monotonic_time(microsecond),
    Workers = [spawn_link(?MODULE, worker, [self(), Pid, Total div Width, []]) ||
        _ <- lists:seq(1, Width)],
    Times = lists:append([receive {times, Worker, Of} -> Of end || Worker <- Workers]),
    {erlang:monotonic_time(microsecond) - Begun, Times}.

worker(Parent, _, 0, Times) -> Parent ! {times, self(), Times};
worker(Parent, Pid, Left, Times) ->
    Begun = erlang:monotonic_time(nanosecond),
    get(Pid, binary:copy(<<"x">>, 64)),
    Time = (erlang:monotonic_time(nanosecond) - Begun) / 1000,
    worker(Parent, Pid, Left - 1, [Time | Times]).
