from lit_mia.cost import Cost


def test_costs_add_up_field_by_field():
    total = sum([Cost(1, 10, 0.5, 0.25), Cost(2, 20, 1.5, 0.5)], start=Cost())
    assert total == Cost(queries=3, nfe=30, seconds=2.0, money=0.75)
