def test_a(town_snapshot, wales):
    from perflib.reporting import headlines
    from perflib.reporting.disclosure import Disclosure
    for d in (Disclosure(), Disclosure("external",10,5,False)):
        print("=====",d)
        print(headlines.key_figures(town_snapshot,d))
        for f in ("findings","referrals","equality","too_young","data_quality"):
            for s in getattr(headlines,f)(town_snapshot,d): print(f,"|",s)
    for m in ("2020-02","2020-09"):
        for f in ("findings","referrals","equality","too_young","data_quality"):
            for s in getattr(headlines,f)(wales(m),Disclosure()): print(f,"|",s)
    assert 0
