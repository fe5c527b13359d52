"""JUnit XML: one test case for each condition, and text that XML can hold."""

from xml.etree import ElementTree

from simulated_results import changed, with_values

from lit_mia.report.membership.gate import check, properties, read_condition, write_junit

TEXTS = ("AUC > 0.6", "TPR@1% > 0.1", "AUC.lo > 0.9", 'verdict == "suggestive"')


def written(result, folder, *texts):
    checks = [check(read_condition(text), result.report) for text in texts]
    write_junit(folder / "new/gate.xml", result.report.name, checks, properties(result.report))
    (suite,) = ElementTree.parse(folder / "new/gate.xml").getroot().findall("testsuite")
    return suite, checks


def test_each_condition_is_a_test_case(audit, tmp_path):
    suite, checks = written(audit, tmp_path, *TEXTS)
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
    }
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == list(TEXTS)
    assert [[child.tag for child in case] for case in cases] == [["failure"], ["error"], ["system-out"], ["system-out"]]
    assert [case[0].text for case in cases] == [each.sentence for each in checks]
    assert [case[0].get("message") for case in cases[:2]] == [each.sentence for each in checks[:2]]
    said = {of.get("name"): of.get("value") for of in suite.find("properties")}
    assert said["verdict"] == "leakage beyond controls"
    assert (said["members"], said["non_members"], said["groups"], said["auc_needed"]) == ("400", "400", "3120", "0.612")
    assert said["version.torch"] == "2.14.1"


def test_what_xml_cannot_hold_is_replaced_and_the_rest_kept(audit, tmp_path):
    odd = '<a & "b"> ]]> \x00\x1b\ud800\ufffe ΔAUC 模'
    point = {"fpr": 0.01, "tpr": None, "ci": None, "achieved_fpr": None, "reason": odd}
    rows = [with_values(row, tpr_at_fpr=[point]) for row in audit.report.rows]
    suite, _ = written(changed(audit, name=odd, rows=rows), tmp_path, "TPR@1% > 0.1")
    kept = '<a & "b"> ]]> ???? ΔAUC 模'
    assert suite.get("name") == kept
    assert kept in suite.find("testcase/error").text
