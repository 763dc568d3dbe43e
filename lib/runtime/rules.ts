/**
 * The rules of the protocols that a test proves by switching one of them off: without the rule, the
 * test that `tests/mutations.ts` names must fail.
 *
 * These are constants: nothing in `lib` can change them, and no public entry exports them. A
 * mutation run replaces this whole module by an import map (`tests/rule_switch.ts`).
 *
 * Reading a rule costs a load, below 1 ns. On a hot path, bind it to a constant of the module,
 * `const oldestLeads = rules.oldestLeads;`, which V8 folds, so that it costs nothing.
 *
 * To add a rule: a line here, a line in `tests/mutations.ts`, and `rules.NAME` where it is decided.
 *
 * @module
 */

const all = {
  // Failure detection.
  twoObserversAgree: true,
  leavingMembersDoNotAccuse: true,
  indirectProbesVouch: true,
  accusedMembersRefute: true,
  ownLagExcusesSilence: true,
  pausesAreTolerated: true,
  silenceCountsFromStart: true,
  monitorsAreLimited: true,
  stalledMembersAreSpared: true,
  stallsAreLimited: true,
  goneNeedsRefusedPorts: true,
  goneNeedsTwoObservers: true,
  helpersAreAskedFirst: true,
  goneIsToldAtOnce: true,
  stallPortIsAnnounced: true,
  lifeVoidsGone: true,
  translatedMembersAreNotGone: true,
  mappedAddressesProveNothing: true,
  orderlyCloseIsNotGone: true,
  goneDoesNotHastenDowning: true,
  // Downing.
  onlyMajoritySurvives: true,
  unreachableSetIsStable: true,
  evidenceNamesObservers: true,
  weaklyUpHasNoVote: true,
  // Bootstrap and joining.
  bootstrapNeedsMajority: true,
  seedsVoteOnce: true,
  rejoiningNodesDoNotVote: true,
  clustersNeverMerge: true,
  onlyFullMembersAdmit: true,
  onlyFullMembersPromote: true,
  decisionsWaitForSuspicions: true,
  onlyFullMembersDown: true,
  lostClustersAreGivenUp: true,
  replacedMembersAreProvenDead: true,
  replacedMembersKeepTheirVote: true,
  configConflictsAreRefused: true,
  seedsAreCollected: true,
  allNamedSeedsCount: true,
  onlyUnusableSeedsEndTheJoin: true,
  otherNamesAreNotSelf: true,
  selfIsProved: true,
  // Leadership and gossip.
  oldestLeads: true,
  unreachableBlocksPromotion: true,
  leavingIsAnnounced: true,
  equalDigestsEndGossip: true,
  // Hostile members.
  ownRecordIsProtected: true,
  memberTableIsBounded: true,
  peersAreRateLimited: true,
  incarnationsAreRateLimited: true,
  relaysAreBounded: true,
  contactsAreBounded: true,
  rejectionLogIsRateLimited: true,
  upNumbersAreBounded: true,
  countersHaveCeilings: true,
  membersDescribeThemselves: true,
  ownStatusIsRefuted: true,
  onlyMembersGossip: true,
  endsNeedTwoWitnesses: true,
  hearsayNeedsTwoSpeakers: true,
  leavingNeedsNoVote: true,
  // Asks.
  expiredAsksAreDropped: true,
  innerAsksInheritDeadlines: true,
  endsFailAsks: true,
  failuresFailAsks: true,
  passedAsksOutliveActors: true,
  routersReportLostAsks: true,
  // Cluster services.
  withdrawnServicesDisappear: true,
  staleServiceListsAreIgnored: true,
  leavingIsNotListed: true,
  servicesAreWithdrawnFirst: true,
  absentClientsAreKept: true,
  // Sharding.
  coordinatorAwaitsReports: true,
  joiningMembersReport: true,
  onlyUpMembersOwn: true,
  endedGrantsStayEnded: true,
  grantsEndWithIncarnations: true,
  unreadIsSentAgain: true,
  shardStopsBeforeHandOff: true,
  routeChangesAreFlushed: true,
  flushMarkersEndWaits: true,
  heardNodesAreNotLost: true,
  replacedOwnersFailAsks: true,
  replacedHandlersEnd: true,
  locationsAreAsked: true,
  locationsAreConfirmed: true,
  refusalsAreConfirmed: true,
  entitiesKeepMessages: true,
  laterListsAreKept: true,
  workIsNotIdle: true,
  // Leases of owners.
  suspendedWithoutLease: true,
  lagIsChecked: true,
  leaseCountsFromSend: true,
  leaseNeedsQuorum: true,
  clockJumpsEndLeases: true,
  excludedAreRefused: true,
  oldConfigsAreRefused: true,
  firstAckNeedsAdmission: true,
  admissionIsRequested: true,
  holdersTravelWithConfigs: true,
  votersChangeJointly: true,
  votersChangeWhenActive: true,
  takeoverWaitsForLease: true,
  coordinatorNeedsQuorum: true,
  recoveryNeedsEveryone: true,
  liveHoldersAreAwaited: true,
  lateHoldersAreExcluded: true,
  conflictsDelayReadmission: true,
  readmissionNeedsNewReport: true,
  // Projections.
  openingsFence: true,
  earlierGrantsAreFenced: true,
  faultsReloadOffsets: true,
  firstEventsMayRepeat: true,
  // Durable actors.
  repliesFollowCommits: true,
  failedWritesEndIncarnations: true,
  restartsAwaitWrites: true,
  failedWritesFailAsks: true,
  unrecoveredActorsRefuseAsks: true,
  recoveriesTakeTurns: true,
  unansweredAsksAreWork: true,
  // Deliveries between durable actors.
  marksAreStoredWithEvents: true,
  acksFollowCommits: true,
  deliveriesKeepTheirOrder: true,
  // Reminders of durable actors.
  remindersAreMarked: true,
  changesNeedTheirCommand: true,
  missedTimesAreOne: true,
  failedRemindersPause: true,
  overdueIsCalledByAll: true,
  // Replication of shards.
  copiesRefuseLowerEpochs: true,
  answersFollowStores: true,
  oldTailsAreCut: true,
  lostStoresAreOthers: true,
  acksNeedCopies: true,
  acksNeedLease: true,
  ownEpochIsAcknowledged: true,
  openingsReadQuorum: true,
  highestCopyOpens: true,
  incompleteCopiesDoNotCount: true,
  inSyncCopiesAreKept: true,
  droppedContentIsForgotten: true,
  replicasChangeJointly: true,
  bootstrapAsksAll: true,
};

/** The name of a rule. */
export type RuleName = keyof typeof all;

/** Whether each rule is in force; false only in a mutation run. */
export const rules: Readonly<Record<RuleName, boolean>> = Object.freeze(all);
